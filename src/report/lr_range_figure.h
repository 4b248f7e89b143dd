// The picture of an LR range test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/svg.h"

namespace thalweg {

// SVG of losses over the rate (logarithmic): `losses` and `smoothed` as (rate, loss). A marker at `suggested`, a rate;
// none where it is 0.
std::string lr_range_figure(const std::vector<Point2>& losses, const std::vector<Point2>& smoothed, double suggested);
// Throws Error for a file that is no such picture, by its title.
void check_lr_range_figure(const std::filesystem::path& file);

}  // namespace thalweg

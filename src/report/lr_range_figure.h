// The figure of an LR range test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/svg.h"

namespace thalweg {

// Returns an SVG of losses over the rate (logarithmic). `losses` and `smoothed` hold (rate, loss). A marker is drawn at
// the rate `suggested`; none if it is 0.
std::string lr_range_figure(const std::vector<Point2>& losses, const std::vector<Point2>& smoothed, double suggested);
// Throws Error if the file is not such a figure, judged by its title.
void check_lr_range_figure(const std::filesystem::path& file);

}  // namespace thalweg

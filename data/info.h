// Describes the contents of a data set, for `thalweg data info`.
#pragma once

#include <nlohmann/json.hpp>

#include "data/dataset.h"

namespace thalweg {

// {"name", "digest", "image": [C, H, W], "classes": [{"name", "train", "test"}], "train_images", "test_images",
//  "normalisation": {"mean", "std"}, "measured": {"mean", "std"}}
// "measured" holds the channel statistics of the loaded training split, with pixels scaled to [0, 1] (population
// standard deviation), computed from exact counts.
nlohmann::json describe_data(const DataSet& set);

}  // namespace thalweg

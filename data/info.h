// What a data set holds, for `thalweg data info`.
#pragma once

#include <nlohmann/json.hpp>

#include "data/dataset.h"

namespace thalweg {

// {"name", "digest", "image": [C, H, W], "classes": [{"name", "train", "test"}], "train_images", "test_images",
//  "normalisation": {"mean", "std"}, "measured": {"mean", "std"}}
// "measured" are the training split's own channel statistics over 0 to 1 (population deviation), from exact counts.
nlohmann::json describe_data(const DataSet& set);

}  // namespace thalweg

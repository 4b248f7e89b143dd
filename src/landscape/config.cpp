#include "landscape/config.h"

#include "base/error.h"
#include "landscape/grid.h"

namespace thalweg {

const char* to_string(BnMode mode) {
  switch (mode) {
    case BnMode::kRecompute:
      return "recompute";
    case BnMode::kOrigin:
      return "origin";
    case BnMode::kBatch:
      return "batch";
  }
  return "";
}

void set_splits(LandscapeConfig& config, const std::vector<std::string>& splits) {
  config.train = config.test = false;
  for (const std::string& split : splits) {
    if (split != "train" && split != "test") fail_usage("the splits are 'train' and 'test', got '{}'", split);
    (split == "train" ? config.train : config.test) = true;
  }
  if (splits.empty()) fail_usage("at least one split is needed: train, test or both");
}

LandscapeConfig read_landscape_config(ConfigReader reader) {
  LandscapeConfig config;
  config.grid = reader.get_string("grid", config.grid);
  parse_grid_size(config.grid);
  config.range = reader.get_string("range", config.range);
  if (!config.range.empty()) parse_grid_range(config.range);
  config.margin = reader.get_double("margin", config.margin, 0, 100);
  if (reader.has("splits")) {
    const nlohmann::json& splits = reader.get_json("splits");
    if (!splits.is_array()) fail_usage("{} must be a list such as [\"train\", \"test\"]", reader.full_name("splits"));
    std::vector<std::string> names;
    for (const nlohmann::json& split : splits)
      names.push_back(split.is_string() ? split.get<std::string>() : split.dump());
    set_splits(config, names);
  }
  const std::string bn = reader.get_choice("bn", "recompute", {"recompute", "origin", "batch"});
  config.bn = bn == "recompute" ? BnMode::kRecompute : bn == "origin" ? BnMode::kOrigin : BnMode::kBatch;
  config.bn_images = reader.get_int("bn_images", config.bn_images, 2);
  config.train_images = reader.get_int("train_images", config.train_images, 0);
  config.test_images = reader.get_int("test_images", config.test_images, 0);
  reader.finish();
  return config;
}

nlohmann::json to_json(const LandscapeConfig& config) {
  nlohmann::json splits = nlohmann::json::array();
  if (config.train) splits.push_back("train");
  if (config.test) splits.push_back("test");
  return {{"grid", config.grid},
          {"range", config.range},
          {"margin", config.margin},
          {"splits", splits},
          {"bn", to_string(config.bn)},
          {"bn_images", config.bn_images},
          {"train_images", config.train_images},
          {"test_images", config.test_images}};
}

}  // namespace thalweg

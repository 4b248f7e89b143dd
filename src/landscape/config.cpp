#include "landscape/config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parse_number.h"
#include "kernels/conv_taps.h"
#include "landscape/grid.h"

namespace thalweg {

LandscapeConfig resolve_precision(const LandscapeConfig& config, c10::Device device) {
  LandscapeConfig out = config;
  if (config.precision == c10::ScalarType::Undefined) {
    out.precision = config.bn == BnMode::kBatch ? c10::ScalarType::Float
                    : device.is_cuda()          ? c10::ScalarType::Half
                    : multiplies_bf16()         ? c10::ScalarType::BFloat16
                                                : c10::ScalarType::Float;
  }
  if (config.precision == c10::ScalarType::Half && device.is_cpu())
    fail_usage("landscape.precision: float16 needs a GPU; on a CPU, use bf16 if the processor supports it, or float32");
  return out;
}

void set_splits(LandscapeConfig& config, const std::vector<std::string>& splits) {
  config.train = config.test = false;
  for (const std::string& split : splits) {
    if (split != "train" && split != "test") fail_usage("the splits are 'train' and 'test', got '{}'", split);
    (split == "train" ? config.train : config.test) = true;
  }
  if (splits.empty()) fail_usage("at least one split is needed: train, test or both");
}

Tolerance parse_tolerance(const std::string& text) {
  Tolerance tolerance;
  std::string number = text;
  if (number.ends_with('%')) {
    tolerance.relative = true;
    number.pop_back();
  }
  tolerance.value = parse_number<double>(number).value_or(0);
  if (!(tolerance.value > 0) || !std::isfinite(tolerance.value))
    fail_usage(
        "a tolerance is a positive number of nats, like 0.02, or a fraction of the surface's range, like 1%; got '{}'",
        text);
  if (tolerance.relative) tolerance.value /= 100;
  return tolerance;
}

namespace {

const EnumNames<c10::ScalarType> kPrecisions = {{c10::ScalarType::Float, "float32"},
                                                {c10::ScalarType::BFloat16, "bf16"},
                                                {c10::ScalarType::Half, "float16"},
                                                {c10::ScalarType::Undefined, "auto"}};
const EnumNames<BnMode> kBnModes = {
    {BnMode::kRecompute, "recompute"}, {BnMode::kOrigin, "origin"}, {BnMode::kBatch, "batch"}};

void read_sampling(ConfigReader& reader, LandscapeConfig& config) {
  config.images = reader.get_int("images", config.images, 0);
  config.standard_error = reader.get_double("stderr", config.standard_error, 0);
  if (reader.has("tolerance")) {
    const nlohmann::json& tolerance = reader.get_json("tolerance");
    config.tolerance = tolerance.is_string() ? tolerance.get<std::string>() : tolerance.dump();
  }
  if (!config.tolerance.empty()) reader.parse("tolerance", [&] { parse_tolerance(config.tolerance); });
  config.image_losses = reader.get_bool("image_losses", config.image_losses);
  config.seed = reader.get_int("seed", config.seed, 0);
  const int modes = (config.images > 0) + (config.standard_error > 0) + !config.tolerance.empty();
  if (modes > 1)
    fail_usage("{}, {} and {} are alternative ways to use fewer images: set only one of them",
               reader.full_name("images"), reader.full_name("stderr"), reader.full_name("tolerance"));
  if (modes == 1 && config.image_losses)
    fail_usage("{}: only an exact map has the losses of all images", reader.full_name("image_losses"));
  if (modes == 1 && config.bn == BnMode::kBatch)
    fail_usage("{}: \"batch\" needs whole batches of images, so it is available only for an exact map",
               reader.full_name("bn"));
}

}  // namespace

LandscapeConfig read_landscape_config(ConfigReader reader) {
  LandscapeConfig config;
  config.grid = reader.get_string("grid", config.grid);
  reader.parse("grid", [&] { parse_grid_size(config.grid); });
  config.range = reader.get_string("range", config.range);
  if (!config.range.empty())
    reader.parse("range", [&] { make_grid(parse_grid_size(config.grid), parse_grid_range(config.range)); });
  config.margin = reader.get_double("margin", config.margin, 0, 100);
  if (reader.has("splits")) {
    const nlohmann::json& splits = reader.get_json("splits");
    if (!splits.is_array()) fail_usage("{} must be a list such as [\"train\", \"test\"]", reader.full_name("splits"));
    std::vector<std::string> names;
    for (const nlohmann::json& split : splits)
      names.push_back(split.is_string() ? split.get<std::string>() : split.dump());
    reader.parse("splits", [&] { set_splits(config, names); });
  }
  config.bn = reader.get_enum("bn", config.bn, kBnModes);
  config.bn_images = reader.get_int("bn_images", config.bn_images, 2);
  config.train_images = reader.get_int("train_images", config.train_images, 0);
  config.test_images = reader.get_int("test_images", config.test_images, 0);
  config.precision = reader.get_enum("precision", config.precision, kPrecisions);
  config.audit_points = reader.get_int("audit_points", config.audit_points, 1, 1 << 20);
  config.max_deviation = reader.get_double("max_deviation", config.max_deviation, 0);
  const bool is_reduced = config.precision == c10::ScalarType::BFloat16 || config.precision == c10::ScalarType::Half;
  if (is_reduced && config.bn == BnMode::kBatch)
    fail_usage("{}: \"batch\" is available only in float32", reader.full_name("bn"));
  read_sampling(reader, config);
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
          {"bn", name_of(config.bn, kBnModes)},
          {"bn_images", config.bn_images},
          {"train_images", config.train_images},
          {"test_images", config.test_images},
          {"precision", name_of(config.precision, kPrecisions)},
          {"audit_points", config.audit_points},
          {"max_deviation", config.max_deviation},
          {"images", config.images},
          {"stderr", config.standard_error},
          {"tolerance", config.tolerance},
          {"image_losses", config.image_losses},
          {"seed", config.seed}};
}

}  // namespace thalweg

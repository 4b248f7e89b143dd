#include <cmath>

#include <fmt/ranges.h>

#include "base/error.h"
#include "models/models.h"

namespace thalweg {
namespace {

struct Family {
  std::string name;
  Graph (*build)(const ModelConfig&, const ModelShape&);
};

template <int kDepth, bool kBatchNorm>
Graph vgg(const ModelConfig& config, const ModelShape& shape) {
  return build_vgg(config, shape, kDepth, kBatchNorm);
}
template <int kDepth>
Graph wide(const ModelConfig& config, const ModelShape& shape) {
  return build_resnet_wide(config, shape, kDepth);
}
template <int kDepth>
Graph thin(const ModelConfig& config, const ModelShape& shape) {
  return build_resnet_thin(config, shape, kDepth);
}

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"vgg11", vgg<11, false>}, {"vgg11_bn", vgg<11, true>}, {"vgg13", vgg<13, false>}, {"vgg13_bn", vgg<13, true>},
      {"vgg16", vgg<16, false>}, {"vgg16_bn", vgg<16, true>}, {"vgg19", vgg<19, false>}, {"vgg19_bn", vgg<19, true>},
      {"resnet18", wide<18>},    {"resnet34", wide<34>},      {"resnet20", thin<20>},    {"resnet32", thin<32>},
      {"resnet44", thin<44>},    {"resnet56", thin<56>},      {"resnet110", thin<110>},  {"mlp", build_mlp},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Family& family : families()) out.push_back(family.name);
    return out;
  }();
  return names;
}

ModelConfig read_model_config(ConfigReader reader) {
  ModelConfig config;
  config.name = reader.get_choice("name", config.name, model_names());
  config.width = reader.get_double("width", config.width, 1.0 / 64, 64);
  config.shortcut = reader.get_choice("shortcut", config.shortcut, {"A", "B"});
  config.hidden = reader.get_ints("hidden", config.hidden);
  for (const std::int64_t width : config.hidden) {
    if (width < 1)
      fail_usage("{}: every hidden layer needs at least 1 unit, got {}", reader.full_name("hidden"), width);
  }
  reader.finish();
  return config;
}

nlohmann::json to_json(const ModelConfig& config) {
  nlohmann::json out = {{"name", config.name}, {"width", config.width}};
  if (config.name == "mlp") out["hidden"] = config.hidden;
  if (config.name.starts_with("resnet")) out["shortcut"] = config.shortcut;
  return out;
}

Graph build_model(const ModelConfig& config, std::array<std::int64_t, 3> input_shape, std::int64_t num_classes) {
  for (const Family& family : families()) {
    if (family.name == config.name) return family.build(config, {input_shape, num_classes});
  }
  fail_usage("there is no model '{}'; known: {}", config.name, fmt::join(model_names(), ", "));
}

std::int64_t scaled_channels(const ModelConfig& config, std::int64_t channels) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(channels) * config.width));
}

}  // namespace thalweg

// Builds the networks, by name, as graphs. Parameter names, order and counts match the usual PyTorch definitions for
// CIFAR:
//   vgg11, vgg13, vgg16, vgg19 and each with _bn   kuangliu/pytorch-cifar (features.N, classifier)
//   resnet18, resnet34                             kuangliu/pytorch-cifar (CIFAR stem, linear)
//   resnet20, 32, 44, 56, 110                      akamaster/pytorch_resnet_cifar10; shortcut "A" (default) or "B"
//   mlp                                            fc1 ... fcN with ReLU between
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "nn/graph.h"

namespace thalweg {

// The "model" object of a configuration: {"name": "vgg11_bn", "width": 1.0} ; {"name": "resnet20", "shortcut": "B"} ;
// {"name": "mlp", "hidden": [512, 512]}
struct ModelConfig {
  std::string name = "vgg11_bn";
  double width = 1.0;                             // multiplies every channel count, rounded, at least 1
  std::string shortcut = "A";                     // for resnet20 ... resnet110
  std::vector<std::int64_t> hidden = {512, 512};  // for mlp; empty: a linear classifier
};
ModelConfig read_model_config(ConfigReader reader);
nlohmann::json to_json(const ModelConfig& config);

const std::vector<std::string>& model_names();

// Throws a usage Error listing the known names if the name is unknown.
Graph build_model(const ModelConfig& config, std::array<std::int64_t, 3> input_shape, std::int64_t num_classes);

// One builder per family; `depth` is the number in the name.
struct ModelShape {
  std::array<std::int64_t, 3> input;
  std::int64_t num_classes;
};
Graph build_vgg(const ModelConfig& config, const ModelShape& shape, int depth, bool batch_norm);
Graph build_resnet_wide(const ModelConfig& config, const ModelShape& shape, int depth);  // 18, 34
Graph build_resnet_thin(const ModelConfig& config, const ModelShape& shape, int depth);  // 20 ... 110
Graph build_mlp(const ModelConfig& config, const ModelShape& shape);
std::int64_t scaled_channels(const ModelConfig& config, std::int64_t channels);

}  // namespace thalweg

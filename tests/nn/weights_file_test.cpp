#include "nn/weights_file.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "expect_error.h"
#include "io/safetensors.h"
#include "io/temp_folder.h"
#include "models/models.h"
#include "nn/init.h"

namespace thalweg {
namespace {

Graph small_graph(const std::string& name) {
  ModelConfig config;
  config.name = name;
  config.width = 0.0625;
  return build_model(config, {3, 32, 32}, 10);
}

TEST(WeightsFile, GivesBackWhatWasWritten) {
  const TempFolder folder;
  const Graph graph = small_graph("vgg11_bn");
  const Weights weights{initial_weights(graph, 3), initial_buffers(graph) * 2};
  write_weights(folder / "w.safetensors", graph, weights, 41, {{"model", "x"}});
  const Weights back = read_weights(folder / "w.safetensors", graph);
  EXPECT_TRUE(at::equal(back.weights, weights.weights));
  EXPECT_TRUE(at::equal(back.buffers, weights.buffers));
  EXPECT_EQ(read_weights_description(folder / "w.safetensors").at("model"), "x");
  const SafetensorsFile content = read_safetensors(folder / "w.safetensors");
  EXPECT_EQ(content.at("features.1.num_batches_tracked").item<std::int64_t>(), 41);
  EXPECT_EQ(content.metadata.at("format"), "pt");
}

TEST(WeightsFile, TakesNamesOfDataParallelAndCompiledModules) {
  const std::array<std::string, 3> kPrefixes = {"module.", "_orig_mod.", "_orig_mod.module."};
  const TempFolder folder;
  const Graph graph = small_graph("mlp");
  const at::Tensor flat = initial_weights(graph, 3);
  std::array<std::vector<NamedTensor>, kPrefixes.size()> tensors;
  const std::vector<at::Tensor> views = graph.parameters.views(flat);
  for (std::size_t i = 0; i < views.size(); ++i) {
    for (std::size_t k = 0; k < kPrefixes.size(); ++k)
      tensors[k].push_back({kPrefixes[k] + graph.parameters.entries()[i].name, views[i]});
  }
  for (const std::vector<NamedTensor>& prefixed : tensors) {
    write_safetensors(folder / "w.safetensors", prefixed, {});
    EXPECT_TRUE(at::equal(read_weights(folder / "w.safetensors", graph).weights, flat));
    EXPECT_TRUE(read_weights_description(folder / "w.safetensors").is_null());
  }
}

TEST(WeightsFile, OfAnotherNetworkSaysWhatDoesNotFit) {
  const TempFolder folder;
  const Graph graph = small_graph("vgg11");
  write_weights(folder / "w.safetensors", graph, {initial_weights(graph, 3), initial_buffers(graph)}, 0, {});
  expect_error([&] { read_weights(folder / "w.safetensors", small_graph("mlp")); }, "'fc1.weight' is missing");
  expect_error([&] { read_weights(folder / "w.safetensors", small_graph("vgg13")); }, "not weights of vgg13");
}

TEST(WeightsFile, WithOtherNamesShowsSomeOfEachSide) {
  const TempFolder folder;
  const Graph graph = small_graph("mlp");
  std::vector<NamedTensor> tensors;
  for (int i = 0; i < 9; ++i) tensors.push_back({fmt::format("layer{}.weight", i), at::zeros({2})});
  tensors.push_back({"fc1.bias", at::zeros({3})});
  write_safetensors(folder / "w.safetensors", tensors, {});
  for (const char* part : {"'fc1.weight' is missing", "'fc1.bias' has shape [3], expected [",
                           "'layer0.weight' is not expected", "'layer2.weight' is not expected (and 6 more)"})
    expect_error([&] { read_weights(folder / "w.safetensors", graph); }, part);
}

TEST(WeightsFile, WithOneTensorUnderTwoNamesIsRefused) {
  const TempFolder folder;
  const Graph graph = small_graph("mlp");
  std::vector<NamedTensor> tensors;
  const std::vector<at::Tensor> views = graph.parameters.views(initial_weights(graph, 3));
  for (std::size_t i = 0; i < views.size(); ++i) tensors.push_back({graph.parameters.entries()[i].name, views[i]});
  tensors.push_back({"module.fc1.weight", views[0] + 1});
  write_safetensors(folder / "w.safetensors", tensors, {});
  expect_error([&] { read_weights(folder / "w.safetensors", graph); }, "it holds 'fc1.weight' twice");
}

TEST(WeightsFile, OfIntegersIsRefused) {
  const TempFolder folder;
  const Graph graph = small_graph("mlp");
  const at::Tensor flat = initial_weights(graph, 3);
  for (const at::ScalarType type : {at::kInt, at::kHalf}) {
    std::vector<NamedTensor> tensors;
    const std::vector<at::Tensor> views = graph.parameters.views(flat);
    for (std::size_t i = 0; i < views.size(); ++i)
      tensors.push_back({graph.parameters.entries()[i].name, views[i].to(type)});
    write_safetensors(folder / "w.safetensors", tensors, {});
    if (type == at::kHalf) {
      EXPECT_TRUE(at::equal(read_weights(folder / "w.safetensors", graph).weights, flat.to(at::kHalf).to(at::kFloat)));
    } else {
      expect_error([&] { read_weights(folder / "w.safetensors", graph); },
                   "'fc1.weight' has type int, expected a float");
    }
  }
}

TEST(WeightsFile, WithDamagedMetadataIsNamed) {
  const TempFolder folder;
  for (const char* text : {"{\"model\"", "", "[]", "3"}) {
    write_safetensors(folder / "w.safetensors", {}, {{"thalweg", text}});
    expect_error([&] { read_weights_description(folder / "w.safetensors"); }, (folder / "w.safetensors").string());
  }
}

}  // namespace
}  // namespace thalweg

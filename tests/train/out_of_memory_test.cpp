#include "train/out_of_memory.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "models/models.h"

namespace thalweg {
namespace {

TEST(OutOfMemory, AStepNeedsEveryOutputOfTheNetwork) {
  ModelConfig model;
  model.name = "mlp";
  model.hidden = {16, 8};
  // The image and its flattened form, three linear layers and two ReLUs.
  EXPECT_EQ(step_bytes_per_image(build_model(model, {3, 4, 4}, 10)), 4.0 * (48 + 48 + 16 + 16 + 8 + 8 + 10));
}

TEST(OutOfMemory, HalvesTheBatchUntilItFits) {
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  EXPECT_EQ(smaller_batch(128, 1, kUnknown), 64);
  EXPECT_EQ(smaller_batch(128, 10, 300), 16);  // 160 of 270 bytes; 32 images would need 320
  EXPECT_EQ(smaller_batch(100, 1, 1000), 50);
  EXPECT_EQ(smaller_batch(3, 1, kUnknown), 1);
  EXPECT_EQ(smaller_batch(128, 10, 0), 1);
}

TEST(OutOfMemory, AdvisesASmallerBatchOrMoreSlices) {
  TrainConfig train;
  train.batch = 128;
  EXPECT_THAT(settings_for_slice(train, 16), testing::HasSubstr("--set train.batch=16, or --set train.accumulate=8,"));
  train.accumulate = 4;  // 32 images at a time
  EXPECT_THAT(settings_for_slice(train, 16), testing::HasSubstr("train.batch=64, or --set train.accumulate=8,"));
}

TEST(OutOfMemory, AdvisesWhatTheFreeMemoryHolds) {
  ModelConfig model;
  model.name = "mlp";
  model.hidden = {16};
  const Graph graph = build_model(model, {3, 32, 32}, 10);
  const double per_image = step_bytes_per_image(graph), state = 5 * 4 * static_cast<double>(graph.parameters.size());
  TrainConfig train;
  train.batch = 256;
  train.accumulate = 2;
  const auto advice = [&](double images) {
    return smaller_step_advice(graph, train, state + images * per_image / 0.9);
  };
  EXPECT_THAT(advice(1000), testing::StartsWith("64 images"));  // half of what did not fit
  EXPECT_THAT(advice(33), testing::StartsWith("32 images"));
  EXPECT_THAT(advice(31), testing::StartsWith("16 images at a time should fit (an estimate): --set train.batch=32,"));
  EXPECT_THAT(smaller_step_advice(graph, train, 0),
              testing::StartsWith("By an estimate not even one image fits; try 1"));
  EXPECT_THAT(smaller_step_advice(graph, train, INFINITY), testing::StartsWith("Try 64 images at a time: --set"));
  train.batch = 2;
  EXPECT_THAT(advice(1000), testing::HasSubstr("Not even one image fits"));
}

}  // namespace
}  // namespace thalweg

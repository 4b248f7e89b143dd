// A plane of a small network with batch norm, and points in it.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "data/dataset.h"
#include "landscape/point_evaluator.h"
#include "landscape/start_plane.h"
#include "models/models.h"

namespace thalweg {

using Points = std::vector<PlaneCoordinates>;

inline const Points kPoints = {{0, 0}, {1, -0.5}, {-1, 1}, {0.25, 0.75}, {0, 0}};

// A plane of a small network, and 140 training and 20 test images of the synthetic set, neither a multiple of a chunk.
struct PlaneProblem {
  DataSet data;
  Graph graph;
  Plane plane;
  LandscapeConfig config;

  explicit PlaneProblem(const std::string& model = "resnet18") {
    data = load_data({.train_images = 140, .test_images = 20});
    ModelConfig network;
    network.name = model;
    network.width = 0.125;
    network.hidden = {24};
    graph = build_model(network, {3, 32, 32}, 10);
    auto generator = at::detail::createCPUGenerator(5);
    plane = start_plane(graph);
    plane.d1 = plane.origin * at::randn({graph.parameters.size()}, generator) * 0.1;
    plane.d2 = plane.origin * at::randn({graph.parameters.size()}, generator) * 0.1;
    plane.buffers += 0.2 * at::rand({graph.buffers.size()}, generator);
    config.grid = "3x2";
    config.range = "-1:1,0:1";
    config.bn_images = 30;
  }
  PointEvaluator evaluator(at::ScalarType type, c10::Device device = at::kCPU,
                           const std::filesystem::path& plans = {}) const {
    return {{plane, graph, data, device, plans}, config, type};
  }
};

inline ImageLosses at_point(PointEvaluator& evaluator, const PlaneCoordinates& point, std::size_t split) {
  evaluator.prepare({point});
  evaluator.use(0);
  return evaluator.evaluate(evaluator.splits()[split]);
}

inline void expect_equal(const ImageLosses& a, const ImageLosses& b) {
  EXPECT_EQ(a.losses, b.losses);
  EXPECT_EQ(a.correct, b.correct);
  EXPECT_EQ(a.margins, b.margins);
}

}  // namespace thalweg

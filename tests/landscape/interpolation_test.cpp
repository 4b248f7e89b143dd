#include "landscape/interpolation.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

using Indices = std::vector<std::size_t>;

double cubic(double x) {
  return 0.3 - 2 * x + 0.7 * x * x - 1.1 * x * x * x;
}

TEST(LagrangeWeights, ReproduceCubicsEverywhereAndValuesAtNodes) {
  std::vector<double> x;
  for (int i = 0; i < 18; ++i) x.push_back(-1 + 0.13 * i);
  const Indices nodes = {0, 4, 8, 12, 16, 17};  // the last interval is shorter
  for (std::size_t i = 0; i < x.size(); ++i) {
    double value = 0, sum = 0;
    for (const NodeWeight& w : lagrange_weights(x, nodes, x[i], 4)) {
      value += w.weight * cubic(x[w.node]);
      sum += w.weight;
    }
    EXPECT_NEAR(value, cubic(x[i]), 1e-13);
    EXPECT_NEAR(sum, 1, 1e-13);
  }
  for (const NodeWeight& w : lagrange_weights(x, nodes, x[8], 4)) EXPECT_EQ(w.weight, w.node == 8 ? 1 : 0);
}

TEST(LagrangeWeights, TakeTheNearestNodesOnBothSides) {
  const std::vector<double> x = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  const Indices nodes = {0, 2, 4, 6, 8};
  const auto of = [&](double at, std::size_t count) {
    Indices used;
    for (const NodeWeight& w : lagrange_weights(x, nodes, at, count)) used.push_back(w.node);
    return used;
  };
  EXPECT_EQ(of(3, 2), (Indices{2, 4}));
  EXPECT_EQ(of(3, 4), (Indices{0, 2, 4, 6}));
  EXPECT_EQ(of(0.5, 4), (Indices{0, 2, 4, 6}));
  EXPECT_EQ(of(7.5, 4), (Indices{2, 4, 6, 8}));
  EXPECT_EQ(of(7.5, 9), nodes);
}

}  // namespace
}  // namespace thalweg

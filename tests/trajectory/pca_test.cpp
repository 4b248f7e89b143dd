#include "trajectory/pca.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"
#include "expect_error.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

std::vector<double> mean_of(std::size_t count) {
  return std::vector<double>(count, 1.0 / static_cast<double>(count));
}

std::vector<double> row_of(std::size_t count, std::size_t row) {
  std::vector<double> weights(count, 0.0);
  weights[row] = 1;
  return weights;
}

// The original float32 values, centred in float64.
at::Tensor centred(const at::Tensor& matrix, const std::vector<double>& origin) {
  const at::Tensor x = matrix.to(at::kDouble);
  at::Tensor centre = at::zeros({x.size(1)}, at::kDouble);
  for (std::size_t i = 0; i < origin.size(); ++i) centre += x[static_cast<std::int64_t>(i)] * origin[i];
  return x - centre;
}

void expect_same_as_svd(const at::Tensor& matrix, const std::vector<double>& origin, std::int64_t chunk_bytes) {
  const PcaResult pca = gram_pca(rows_of(matrix), origin, chunk_bytes);
  const at::Tensor x = centred(matrix, origin);
  const auto [u, s, v] = at::linalg_svd(x, false);
  const double largest = s[0].item<double>() * s[0].item<double>();
  const double total = s.square().sum().item<double>();
  ASSERT_EQ(pca.eigenvalues.size(), static_cast<std::size_t>(matrix.size(0)));
  for (std::size_t k = 0; k < pca.eigenvalues.size(); ++k) {
    const std::int64_t i = static_cast<std::int64_t>(k);
    const double expected = i < s.numel() ? std::pow(s[i].item<double>(), 2) : 0.0;
    EXPECT_NEAR(pca.eigenvalues[k], expected, 1e-12 * largest) << k;
    EXPECT_NEAR(pca.explained[k], expected / total, 1e-12) << k;
  }
  const at::Tensor d1 = pca.d1.to(at::kDouble), d2 = pca.d2.to(at::kDouble);
  EXPECT_NEAR(std::abs(d1.dot(v[0]).item<double>()), 1, 1e-6);
  EXPECT_NEAR(std::abs(d2.dot(v[1]).item<double>()), 1, 1e-6);
  EXPECT_NEAR(d1.norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(d2.norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(d1.dot(d2).item<double>(), 0, 1e-6);
  for (const at::Tensor& d : {d1, d2}) {
    const at::Tensor along = x.mv(d);
    EXPECT_GT(along[along.abs().argmax()].item<double>(), 0);
  }
  const at::Tensor difference = matrix.to(at::kDouble) - x - pca.origin.to(at::kDouble);
  EXPECT_LT(difference.abs().max().item<double>(), 1e-6 * matrix.abs().max().item<double>());
}

TEST(GramPca, EqualsTheSvdAroundTheMean) {
  // Columns that are not a multiple of the chunk, more rows than columns, one chunk for everything, one column per
  // chunk.
  for (const auto& [rows, columns, chunk_columns] :
       {std::array{5, 17, 4}, {20, 7, 3}, {3, 2, 1}, {3, 100, 1000}, {200, 33, 10}, {7, 64, 1}}) {
    SCOPED_TRACE(testing::Message() << rows << " x " << columns << " in " << chunk_columns);
    expect_same_as_svd(normal_matrix(rows, columns, 1), mean_of(static_cast<std::size_t>(rows)),
                       chunk_columns * rows * 8);
  }
}

TEST(GramPca, EqualsTheSvdAroundARow) {
  for (const std::size_t row : {0u, 3u, 8u}) expect_same_as_svd(normal_matrix(9, 40, 2), row_of(9, row), 1000);
}

TEST(GramPca, KeepsItsDigitsFarFromZero) {
  // A spread of 1e-3 around weights of up to 100: uncentred products would lose six digits of twelve.
  const at::Tensor far = normal_matrix(8, 300, 3) * 1e-3 + at::arange(1, 301, at::kFloat) / 3;
  expect_same_as_svd(far, mean_of(8), 2000);
}

TEST(GramPca, SecondDirectionStaysOrthogonalWhereItIsWeak) {
  const at::Tensor along = normal_matrix(1, 500, 4);
  const at::Tensor matrix = at::arange(10, at::kFloat).unsqueeze(1) * along + normal_matrix(10, 500, 5) * 1e-4;
  expect_same_as_svd(matrix, mean_of(10), 10000);
}

TEST(GramPca, ChunksDoNotChangeTheResult) {
  const at::Tensor matrix = normal_matrix(6, 1000, 6);
  const PcaResult whole = gram_pca(rows_of(matrix), mean_of(6));
  for (const std::int64_t bytes : {std::int64_t{0}, std::int64_t{6 * 8 * 7}, std::int64_t{6 * 8 * 999}}) {
    const PcaResult parts = gram_pca(rows_of(matrix), mean_of(6), bytes);
    EXPECT_LT((whole.d1 - parts.d1).abs().max().item<float>(), 1e-6f);
    EXPECT_LT((whole.d2 - parts.d2).abs().max().item<float>(), 1e-6f);
    EXPECT_NEAR(whole.eigenvalues[0], parts.eigenvalues[0], 1e-12 * whole.eigenvalues[0]);
  }
}

TEST(GramPca, SameInputsGiveTheSameBits) {
  const at::Tensor matrix = normal_matrix(30, 1000, 7);
  const PcaResult first = gram_pca(rows_of(matrix), mean_of(30), 50'000);
  const PcaResult second = gram_pca(rows_of(matrix), mean_of(30), 50'000);
  EXPECT_TRUE(at::equal(first.d1, second.d1));
  EXPECT_TRUE(at::equal(first.d2, second.d2));
  EXPECT_EQ(first.eigenvalues, second.eigenvalues);
}

TEST(GramPca, OriginAtARowIsThatRow) {
  const at::Tensor matrix = normal_matrix(5, 20, 8);
  EXPECT_TRUE(at::equal(gram_pca(rows_of(matrix), row_of(5, 4)).origin, matrix[4]));
}

TEST(GramPca, RefusesFewerThanThreeRows) {
  expect_error([] { gram_pca(rows_of(normal_matrix(2, 5, 1)), mean_of(2)); }, "at least three snapshots");
  expect_error([] { gram_pca({}, {}); }, "no snapshots");
}

TEST(GramPca, RefusesRowsThatDefineNoPlane) {
  const at::Tensor row = normal_matrix(1, 50, 9);
  expect_error([&] { gram_pca(rows_of(row.expand({4, 50})), mean_of(4)); }, "the same weights");
  expect_error([&] { gram_pca(rows_of(row.expand({4, 50})), row_of(4, 3)); }, "the same weights");
  const at::Tensor line = row + at::arange(5, at::kFloat).unsqueeze(1) * normal_matrix(1, 50, 10);
  expect_error([&] { gram_pca(rows_of(line), mean_of(5)); }, "on one line");
  expect_error([&] { gram_pca(rows_of(line), row_of(5, 0)); }, "on one line");
  expect_error([&] { gram_pca(rows_of(normal_matrix(4, 1, 11)), mean_of(4)); }, "on one line");
}

TEST(GramPca, NamesTheRunAndStepOfADivergedRow) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (const std::int64_t row : {std::int64_t{0}, std::int64_t{2}, std::int64_t{3}}) {
      at::Tensor matrix = normal_matrix(4, 30, 12);
      matrix[row][17] = bad;
      const std::string name = fmt::format("run branch at step {}", 10 * row);
      // As an ordinary row, and as the row that the others are compared with.
      expect_error([&] { gram_pca(rows_of(matrix, "branch"), mean_of(4), 100); }, name);
      expect_error([&] { gram_pca(rows_of(matrix, "branch"), row_of(4, 2), 100); }, name);
    }
  }
}

TEST(GramPca, RefusesRowsThatDoNotFitTogether) {
  std::vector<WeightRow> rows = rows_of(normal_matrix(3, 5, 1));
  rows[1].weights = normal_matrix(1, 6, 1)[0];
  expect_error([&] { gram_pca(rows, mean_of(3)); }, "has 6 weights at step 10");
  rows[1].weights = normal_matrix(1, 5, 1)[0].to(at::kDouble);
  expect_error([&] { gram_pca(rows, mean_of(3)); }, "not one float32 vector");
  rows[1].weights = normal_matrix(5, 2, 1).select(1, 0);
  expect_error([&] { gram_pca(rows, mean_of(3)); }, "not one float32 vector");
  expect_error([&] { gram_pca(rows_of(normal_matrix(3, 5, 1)), {0.5, 0.5, 0.5}); }, "sum 1.5");
}

RowTree chain(std::size_t count) {
  RowTree parents(count);
  std::iota(parents.begin(), parents.end(), std::int64_t{-1});
  return parents;
}

TEST(RandomWalk, HasTheClosedFormsSharesForEqualSteps) {
  for (const std::size_t count : {3u, 10u, 101u}) {
    std::vector<double> expected;
    for (std::size_t k = 1; k < count; ++k) {
      const double angle = std::numbers::pi * static_cast<double>(k) / static_cast<double>(count);
      expected.push_back(1 / (2 * (1 - std::cos(angle))));
    }
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    const std::vector<double> shares =
        random_walk_shares(chain(count), std::vector<double>(count, 2.5), mean_of(count));
    ASSERT_EQ(shares.size(), count);
    for (std::size_t k = 0; k + 1 < count; ++k) EXPECT_NEAR(shares[k], expected[k] / sum, 1e-12) << k;
    EXPECT_NEAR(shares.back(), 0, 1e-12);
  }
}

// A main path 0-1-2-3-4-5-6 with branches at rows 2 and 5, a branch of a branch, and steps of various lengths.
const RowTree kTree = {-1, 0, 1, 2, 3, 4, 5, 2, 7, 8, 5, 10, 8, 12};
const std::vector<double> kSteps = {0, 1, 4, 1, 2, 1, 1, 0.25, 0.25, 9, 0.5, 0.5, 3, 1};

at::Tensor simulated_walk(std::int64_t columns) {
  const std::int64_t rows = static_cast<std::int64_t>(kTree.size());
  at::Tensor walk = normal_matrix(rows, columns, 13);
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::size_t row = static_cast<std::size_t>(i);
    walk[i].mul_(std::sqrt(kSteps[row] / static_cast<double>(columns)));
    if (kTree[row] >= 0) walk[i].add_(walk[kTree[row]]);
  }
  return walk;
}

TEST(RandomWalk, AgreesWithASimulatedTreeInHighDimension) {
  const at::Tensor walk = simulated_walk(200'000);
  for (const std::vector<double>& origin : {mean_of(kTree.size()), row_of(kTree.size(), 6)}) {
    const PcaResult pca = gram_pca(rows_of(walk), origin);
    const std::vector<double> shares = random_walk_shares(kTree, kSteps, origin);
    // Inner products of independent steps are 1/sqrt(P) = 0.2 % of their lengths.
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(pca.explained[k], shares[k], 0.01 * shares[0]) << k;
  }
}

TEST(RandomWalk, TakesItsStepLengthsFromTheGramMatrix) {
  const at::Tensor walk = simulated_walk(1000);
  const PcaResult pca = gram_pca(rows_of(walk), mean_of(kTree.size()));
  const std::vector<double> steps = squared_steps(pca.gram, kTree);
  EXPECT_EQ(steps[0], 0);
  const at::Tensor exact = walk.to(at::kDouble);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const at::Tensor step = exact[static_cast<std::int64_t>(i)] - exact[kTree[i]];
    EXPECT_NEAR(steps[i], step.square().sum().item<double>(), 1e-10) << i;
  }
}

TEST(RandomWalk, WithoutStepsHasNoShares) {
  EXPECT_EQ(random_walk_shares(chain(4), std::vector<double>(4, 0.0), mean_of(4)), std::vector<double>(4, 0.0));
}

TEST(RandomWalk, RefusesAForestThatIsNoTree) {
  expect_error([] { random_walk_shares({-1, -1}, {0, 1}, mean_of(2)); }, "snapshot 1 of the tree");
  expect_error([] { random_walk_shares({-1, 2, 1}, {0, 1, 1}, mean_of(3)); }, "snapshot 1 of the tree");
  expect_error([] { random_walk_shares({0, 0}, {0, 1}, mean_of(2)); }, "snapshot 0 of the tree");
}

}  // namespace
}  // namespace thalweg

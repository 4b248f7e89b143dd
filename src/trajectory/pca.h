// The two directions in which a trajectory moves most: principal component analysis of T rows in R^P by their T x T
// Gram matrix, in float64, reading the rows twice in chunks of columns.
//
// With differences D = W - 1 r^T from one row r, G = D D^T, and an origin o = sum_i c_i w_i (sum c = 1), the Gram
// matrix of the rows centred on o is (I - 1 c^T) G (I - 1 c^T)^T = V diag(lambda) V^T, and direction k is sum_i V_ik
// (w_i - o) / sqrt(lambda_k). So "mean" and "one of the rows" are the same computation, and no row is ever compared
// with a rounded mean.
//
// The null model: a random walk in high dimension with the same tree of runs and the same step lengths has
// E<w_i - w_0, w_j - w_0> = sum of the squared steps that both paths from the root share. Its centred spectrum is what
// a plane explains of pure noise (a plain walk: 61 % and 15 % in two components; Antognini and Sohl-Dickstein, "PCA of
// high dimensional random walks with comparison to neural network training", NeurIPS 2018).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trajectory/weight_rows.h"

namespace thalweg {

struct PcaResult {
  at::Tensor origin;                // float32 [P]: sum of origin_weights[i] * w_i
  at::Tensor d1;                    // float32 [P], unit length, orthogonal to d2 (both to 1e-6)
  at::Tensor d2;                    // float32 [P]
  std::vector<double> eigenvalues;  // [T] of the centred Gram matrix, descending, none negative
  std::vector<double> explained;    // [T] shares of their sum: of the mean squared distance from the origin
  at::Tensor gram;                  // float64 [T, T] of the differences from one row (not centred), for the null model
};

// Throws Error that says what to do for fewer than three: a plane goes through any of them.
void check_pca_snapshots(std::size_t count);

// `origin_weights` [T] with sum 1: each 1/T for the mean, a single 1 for one of the rows. The sign of a direction is
// such that the row farthest along it lies on its positive side. The same rows give the same bits on the same machine
// and number of threads. Throws Error that says what to do for fewer than three rows, rows that are all equal or lie on
// one line, and names run and step of a row that is not finite.
PcaResult gram_pca(const std::vector<WeightRow>& rows, const std::vector<double>& origin_weights,
                   std::int64_t chunk_bytes = kDefaultChunkBytes);

// The tree of snapshots: parents[i] < i is the row that row i was reached from; -1 for the first row only.
using RowTree = std::vector<std::int64_t>;

// ||w_i - w_parent(i)||^2 from a Gram matrix; 0 for the first row.
std::vector<double> squared_steps(const at::Tensor& gram, const RowTree& parents);

// Shares of variance [T], descending, that a random walk with these steps has around the same origin. All zero where
// all steps are zero.
std::vector<double> random_walk_shares(const RowTree& parents, const std::vector<double>& squared_steps,
                                       const std::vector<double>& origin_weights);

}  // namespace thalweg

// The two directions in which a trajectory moves most: principal component analysis of T rows in R^P through their T x
// T Gram matrix, in float64. The rows are read twice, in chunks of columns.
//
// With differences D = W - 1 r^T from one row r, G = D D^T, and an origin o = sum_i c_i w_i (sum c = 1), the Gram
// matrix of the rows centred on o is (I - 1 c^T) G (I - 1 c^T)^T = V diag(lambda) V^T, and direction k is sum_i V_ik
// (w_i - o) / sqrt(lambda_k). So "mean" and "one of the rows" are the same computation, and no row is ever compared
// with a rounded mean.
//
// The null model: a random walk in high dimension with the same tree of runs and the same step lengths has E<w_i - w_0,
// w_j - w_0> = the sum of the squared steps that the paths from the root to i and j share. Its centred spectrum is what
// a plane explains of pure noise (for a plain walk, 61 % and 15 % in two components; Antognini and Sohl-Dickstein, "PCA
// of high dimensional random walks with comparison to neural network training", NeurIPS 2018).
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
  std::vector<double> explained;    // [T] as shares of their sum (mean squared distance from the origin)
  at::Tensor gram;                  // float64 [T, T] of the differences from one row (not centred), for the null model
};

// Throws Error with advice if there are fewer than three snapshots, through which any plane could be laid.
void check_pca_snapshots(std::size_t count);

// `origin_weights` [T] sum to 1: each is 1/T for the mean, or a single one is 1 for one of the rows. Each direction's
// sign is chosen so that the row farthest along it has a positive coordinate. The same rows give the same bits on the
// same machine with the same number of threads. Throws Error with advice if there are fewer than three rows, if all
// rows are equal or lie on one line, or if a row is not finite (naming its run and step).
PcaResult gram_pca(const std::vector<WeightRow>& rows, const std::vector<double>& origin_weights,
                   std::int64_t chunk_bytes = kDefaultChunkBytes);

// The tree of snapshots: parents[i] < i is the row that row i was reached from; -1 for the first row only.
using RowTree = std::vector<std::int64_t>;

// |w_i - w_parent(i)||^2, from a Gram matrix; 0 for the first row.
std::vector<double> squared_steps(const at::Tensor& gram, const RowTree& parents);

// The shares of variance [T], descending, that a random walk with these steps has around the same origin. All zero if
// all steps are zero.
std::vector<double> random_walk_shares(const RowTree& parents, const std::vector<double>& squared_steps,
                                       const std::vector<double>& origin_weights);

}  // namespace thalweg

// Gradient flow of linear regression (gamma = 0) in closed form, for comparison with the runs.
//
// With H = X^T X / n = sum_i lambda_i v_i v_i^T and the minimum-norm solution w+, the flow dw/ds = -H (w - w+) from w_0
// is
//   w(s) = w_0 - sum_i (1 - e^(-lambda_i s)) v_i v_i.(w_0 - w+),
// where s is the sum of the learning rates so far. The part of w_0 in the null space of X never changes: the flow ends
// in w+ plus that part. Gradient descent with small rates follows the flow; SGD does so on average.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "theory/simulation.h"

namespace thalweg {

class GradientFlow {
 public:
  // Throws Error unless the problem has gamma = 0.
  explicit GradientFlow(const TheoryProblem& problem);

  // All at the sums of rates s, float64 [R].
  at::Tensor weights(const at::Tensor& s) const;  // float64 [R, d]
  // float64 [R], the mean of (f - y)^2 / 2: sum_i lambda_i (v_i.(w_0 - w+))^2 e^(-2 lambda_i s) / 2
  at::Tensor train_loss(const at::Tensor& s) const;

 private:
  at::Tensor eigenvalues_;  // [n]
  at::Tensor directions_;   // [n, d] v_i
  at::Tensor offsets_;      // [n] v_i.(w_0 - w+)
  at::Tensor initial_;      // [d]
};

struct FlowPoint {
  double train_loss = 0;
  double test_risk = 0;
  double norm = 0;
};

// [C][R]: the flow under each cell's schedule before each of the steps, averaged over the data sets. Throws Stopped if
// a stop was requested.
std::vector<std::vector<FlowPoint>> mean_flows(const std::vector<TheoryProblem>& problems,
                                               const std::vector<TheoryCell>& cells,
                                               const std::vector<std::int64_t>& steps);

}  // namespace thalweg

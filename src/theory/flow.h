// Gradient flow of linear regression (gamma = 0) in closed form, for comparison with what runs do.
//
// With H = X^T X / n = sum_i lambda_i v_i v_i^T and the minimum-norm solution w+, the flow dw/ds = -H (w - w+) from w_0
// is
//   w(s) = w_0 - sum_i (1 - e^(-lambda_i s)) v_i v_i.(w_0 - w+),
// where s is the sum of the learning rates so far. What of w_0 lies in the null space of X stays: the flow ends in w+
// plus that. Gradient descent with small rates follows it; SGD does so in the mean.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "theory/simulation.h"

namespace thalweg {

class GradientFlow {
 public:
  // Of a problem with gamma = 0.
  explicit GradientFlow(const TheoryProblem& problem);

  // At the sums of rates s, float64 [R].
  at::Tensor weights(const at::Tensor& s) const;  // float64 [R, d]
  // float64 [R] mean of (f - y)^2 / 2: sum_i lambda_i (v_i.(w_0 - w+))^2 e^(-2 lambda_i s) / 2
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

// [C][R] What the flow of each cell's schedule is before each of the steps, as means over the data sets. Throws Stopped
// where a stop was asked for.
std::vector<std::vector<FlowPoint>> mean_flows(const std::vector<TheoryProblem>& problems,
                                               const std::vector<TheoryCell>& cells,
                                               const std::vector<std::int64_t>& steps);

}  // namespace thalweg

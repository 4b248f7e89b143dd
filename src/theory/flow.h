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

#include "theory/statistics.h"

namespace thalweg {

class GradientFlow {
 public:
  // Of a problem with gamma = 0.
  explicit GradientFlow(const TheoryProblem& problem);

  at::Tensor weights(double s) const;  // float64 [d]
  double train_loss(double s) const;   // mean of (f - y)^2 / 2: sum_i lambda_i (v_i.(w_0 - w+))^2 e^(-2 lambda_i s) / 2

 private:
  at::Tensor eigenvalues_;  // [n]
  at::Tensor directions_;   // [n, d] v_i
  at::Tensor offsets_;      // [n] v_i.(w_0 - w+)
  at::Tensor initial_;      // [d]
};

// What the flow of a cell's schedule is at each recorded step, as means over the data sets.
struct FlowPoint {
  double train_loss = 0;
  double test_risk = 0;
  double norm = 0;
};
std::vector<FlowPoint> mean_flow(const TheoryStudy& study, std::size_t cell);

}  // namespace thalweg

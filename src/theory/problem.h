// One data set of overparameterised Gaussian regression, with its closed-form solution.
//
// With u(w) = ||w||^gamma w the model is linear in u: f(x; w) = u.x. The weights that fit all n < d samples are
// therefore those whose u solves X u = y. The one of least norm has u = X^T (X X^T)^-1 y and w = u / ||u||^(gamma / (1
// + gamma)). For x ~ N(0, I) the risk is E (f_w - f_*)^2 / 2 = ||u(w) - u(w*)||^2 / 2.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "theory/config.h"

namespace thalweg {

// All tensors are float64 and on the CPU.
struct TheoryProblem {
  at::Tensor inputs;    // [n, d] standard normal
  at::Tensor labels;    // [n]; including the noise of LabelNoise::kFixed
  at::Tensor truth;     // [d] w*
  at::Tensor target;    // [d] u(w*)
  at::Tensor initial;   // [d] w_0
  at::Tensor solution;  // [d] the minimum-norm w that fits all labels

  double gamma = 0;
  double solution_norm = 0;  // ||solution||
  double solution_risk = 0;
};

// Depends only on the configuration's model and the seed, not on the number of threads.
TheoryProblem make_problem(const TheoryConfig& config, std::uint64_t seed);

// |w||^gamma w for weights [..., d]; 0 at 0.
at::Tensor theory_u(const at::Tensor& weights, double gamma);

}  // namespace thalweg

#include "theory/problem.h"

#include <cmath>
#include <vector>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/normal.h"

namespace thalweg {
namespace {

// The values of `a` of RngPurpose::kTheoryData.
enum DataPart : std::uint32_t { kTarget = 0, kInitial = 1, kNoise = 2, kFirstSample = 3 };

at::Tensor normal_vector(std::uint64_t seed, std::uint32_t part, std::int64_t size) {
  NormalStream stream(Philox(seed, RngPurpose::kTheoryData, part));
  at::Tensor out = at::empty({size}, at::kDouble);
  double* data = out.data_ptr<double>();
  for (std::int64_t k = 0; k < size; ++k) data[k] = stream.next();
  return out;
}

double norm_of(const at::Tensor& v) {
  return v.norm().item<double>();
}

// X^T (X X^T)^-1 y by a Cholesky decomposition in a fixed order: LAPACK's rounding depends on its number of threads.
at::Tensor minimum_norm_u(const at::Tensor& inputs, const at::Tensor& labels) {
  const auto n = static_cast<std::size_t>(inputs.size(0)), d = static_cast<std::size_t>(inputs.size(1));
  const double* x = inputs.data_ptr<double>();
  std::vector<double> l(n * n), z(labels.data_ptr<double>(), labels.data_ptr<double>() + n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < d; ++k) sum += x[i * d + k] * x[j * d + k];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
    }
    for (std::size_t k = 0; k < i; ++k) z[i] -= l[i * n + k] * z[k];
    z[i] /= l[i * n + i];
  }
  at::Tensor u = at::zeros({inputs.size(1)}, at::kDouble);
  double* out = u.data_ptr<double>();
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) z[i] -= l[k * n + i] * z[k];
    z[i] /= l[i * n + i];
    for (std::size_t k = 0; k < d; ++k) out[k] += z[i] * x[i * d + k];
  }
  return u;
}

}  // namespace

at::Tensor theory_u(const at::Tensor& weights, double gamma) {
  if (gamma == 0) return weights;
  return weights * weights.norm(2, -1, true).pow(gamma);
}

TheoryProblem make_problem(const TheoryConfig& config, std::uint64_t seed) {
  const std::int64_t n = config.samples, d = config.dimensions;
  TheoryProblem problem;
  problem.gamma = config.gamma;
  const at::Tensor direction = normal_vector(seed, kTarget, d);
  problem.truth = direction * (config.target_norm / norm_of(direction));
  problem.target = theory_u(problem.truth, config.gamma);
  const at::Tensor start = normal_vector(seed, kInitial, d);
  problem.initial = start * (config.init_norm / norm_of(start));
  problem.inputs = at::empty({n, d}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i)
    problem.inputs[i].copy_(normal_vector(seed, kFirstSample + static_cast<std::uint32_t>(i), d));
  problem.labels = (problem.inputs * problem.target).sum(1);
  if (config.noise == LabelNoise::kFixed) problem.labels += config.noise_std * normal_vector(seed, kNoise, n);
  const at::Tensor u = minimum_norm_u(problem.inputs, problem.labels);
  check(std::isfinite(norm_of(u)),
        "the samples are linearly dependent up to rounding; take fewer samples or more dimensions");
  problem.solution = u * std::pow(norm_of(u), -config.gamma / (1 + config.gamma));
  problem.solution_norm = norm_of(problem.solution);
  problem.solution_risk = std::pow(norm_of(theory_u(problem.solution, config.gamma) - problem.target), 2) / 2;
  return problem;
}

}  // namespace thalweg

#include "theory/flow.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/error.h"

namespace thalweg {
namespace {

// The sum of the rates before each of the steps, float64 [R].
at::Tensor sums_of_rates(const Schedule& schedule, const std::vector<std::int64_t>& steps) {
  std::vector<double> sums;
  double sum = 0;
  std::int64_t step = 0;
  for (const std::int64_t end : steps) {
    for (; step < end; ++step) sum += schedule.lr(step);
    sums.push_back(sum);
  }
  return at::tensor(sums, at::kDouble);
}

std::vector<FlowPoint> mean_flow(const std::vector<TheoryProblem>& problems, const std::vector<GradientFlow>& flows,
                                 const at::Tensor& s) {
  at::Tensor sum = at::zeros({s.size(0), 3}, at::kDouble);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    throw_if_stopped();
    const at::Tensor w = flows[i].weights(s);
    const at::Tensor risk = (w - problems[i].target).square().sum(1) / 2;
    sum += at::stack({flows[i].train_loss(s), risk, w.norm(2, 1)}, 1);
  }
  sum /= static_cast<double>(flows.size());
  std::vector<FlowPoint> points;
  const double* v = sum.const_data_ptr<double>();
  for (std::int64_t r = 0; r < s.size(0); ++r, v += 3) points.push_back({v[0], v[1], v[2]});
  return points;
}

}  // namespace

GradientFlow::GradientFlow(const TheoryProblem& problem) : initial_(problem.initial) {
  check(problem.gamma == 0, "gradient flow has a closed form only for gamma = 0, got {:g}", problem.gamma);
  const at::Tensor& x = problem.inputs;
  const auto n = static_cast<double>(x.size(0));
  const auto [values, vectors] = at::linalg_eigh(x.mm(x.t()) / n);
  eigenvalues_ = values;
  directions_ = vectors.t().mm(x) / (n * values).sqrt().unsqueeze(1);
  offsets_ = directions_.mv(initial_ - problem.solution);
}

at::Tensor GradientFlow::weights(const at::Tensor& s) const {
  return initial_ + (at::expm1(at::outer(s, -eigenvalues_)) * offsets_).mm(directions_);
}

at::Tensor GradientFlow::train_loss(const at::Tensor& s) const {
  return at::exp(at::outer(s, -2 * eigenvalues_)).mv(eigenvalues_ * offsets_.square()) / 2;
}

std::vector<std::vector<FlowPoint>> mean_flows(const std::vector<TheoryProblem>& problems,
                                               const std::vector<TheoryCell>& cells,
                                               const std::vector<std::int64_t>& steps) {
  std::vector<GradientFlow> flows;
  for (const TheoryProblem& problem : problems) {
    throw_if_stopped();
    flows.emplace_back(problem);
  }
  std::vector<std::vector<FlowPoint>> out(cells.size());
  at::parallel_for(0, static_cast<std::int64_t>(cells.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c)
      out[c] = mean_flow(problems, flows, sums_of_rates(cells[c].schedule, steps));
  });
  return out;
}

}  // namespace thalweg

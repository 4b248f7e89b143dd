#include "theory/flow.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace thalweg {

GradientFlow::GradientFlow(const TheoryProblem& problem) : initial_(problem.initial) {
  check(problem.gamma == 0, "gradient flow is known in closed form for gamma = 0 alone, not {:g}", problem.gamma);
  const at::Tensor& x = problem.inputs;
  const auto n = static_cast<double>(x.size(0));
  const auto [values, vectors] = at::linalg_eigh(x.mm(x.t()) / n);
  eigenvalues_ = values;
  directions_ = vectors.t().mm(x) / (n * values).sqrt().unsqueeze(1);
  offsets_ = directions_.mv(initial_ - problem.solution);
}

at::Tensor GradientFlow::weights(double s) const {
  return initial_ + directions_.t().mv(offsets_ * at::expm1(-s * eigenvalues_));
}

double GradientFlow::train_loss(double s) const {
  return (eigenvalues_ * offsets_.square() * at::exp(-2 * s * eigenvalues_)).sum().item<double>() / 2;
}

std::vector<FlowPoint> mean_flow(const TheoryStudy& study, std::size_t cell) {
  std::vector<FlowPoint> out(study.runs.steps.size());
  const Schedule& schedule = study.cells[cell].schedule;
  const double share = 1 / static_cast<double>(study.problems.size());
  for (const TheoryProblem& problem : study.problems) {
    const GradientFlow flow(problem);
    double s = 0;
    std::int64_t step = 0;
    for (std::size_t r = 0; r < out.size(); ++r) {
      for (; step < study.runs.steps[r]; ++step) s += schedule.lr(step);
      const at::Tensor w = flow.weights(s);
      out[r].train_loss += share * flow.train_loss(s);
      out[r].test_risk += share * (w - problem.target).square().sum().item<double>() / 2;
      out[r].norm += share * w.norm().item<double>();
    }
  }
  return out;
}

}  // namespace thalweg

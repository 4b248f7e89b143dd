// Train loss and risk of the first data set over a plane of weight space, with the paths of the shown cells, the
// minimum-norm solution and w* on top.
#pragma once

#include <optional>

#include <c10/core/Device.h>

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// The landscape of the study. Runs the shown cells once more and keeps their weights: a run's bits do not depend on
// what runs beside it. Returns nullopt if the configuration asks for no landscape, or if fewer than three weights are
// finite and different.
std::optional<ReportData> theory_landscape(const TheoryStudy& study, c10::Device device);

// "landscape.svg": both losses; the colour scale ends at a millionth of the largest loss.
Figure landscape_figure(ReportData data);

// train_loss and test_loss (the population risk) at the points weights [N, d]: float64 [N] each.
struct TheoryLosses {
  at::Tensor train, test;
};
TheoryLosses theory_losses(const TheoryProblem& problem, const at::Tensor& weights);

}  // namespace thalweg

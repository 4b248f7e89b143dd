// Train loss and risk of the first data set over a plane of weight space, with the paths of the shown cells, the
// minimum-norm solution and w* on top.
#pragma once

#include <optional>

#include <c10/core/Device.h>

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// The shown cells are run once more, with their weights kept: a run's bits do not depend on what runs beside it.
// Nothing if the configuration wants none, or fewer than three weights are finite and different.
std::optional<ReportData> theory_landscape(const TheoryStudy& study, c10::Device device);

// "landscape.svg": both losses; colours end at a millionth of the largest.
Figure landscape_figure(ReportData data);

// train_loss and test_loss (the population risk) over the points weights [N, d]: float64 [N] each.
struct TheoryLosses {
  at::Tensor train, test;
};
TheoryLosses theory_losses(const TheoryProblem& problem, const at::Tensor& weights);

}  // namespace thalweg

// The figures of a study, as SVG.
#pragma once

#include <vector>

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// The cells shown in the curves and the landscape. For a diagram: among the rates at which no run diverged at any decay
// time, the one with the least final risk, with up to four of its decay times, ending with the latest. Otherwise the
// first seven schedules. Empty if every rate diverges.
std::vector<std::size_t> shown_cells(const TheoryStudy& study);

// "curves.svg": train loss, risk and norm of the shown cells over the steps, with the closed-form values where known.
// For a diagram also "decay-time.svg" (final risk and norm over the decay time, one line per rate) and
// "phase-diagram.svg".
std::vector<Figure> theory_figures(const TheoryStudy& study);

// The number of steps that drift takes. Fresh label noise moves SGD along the minima (Blanc et al. 2020; Damian, Ma and
// Lee 2021): with batch size B, noise of standard deviation sigma and rate eta, each step descends by eta along the
// gradient of eta sigma^2 tr H / (4 B). On the minima tr H = d ||w||^(2 gamma) = d (||u_+||^2 + ||u_0||^2)^(gamma / (1
// + gamma)), where u_0 lies in the null space of the samples and u_+ is fixed. Near the minimum-norm solution the
// null-space part of w therefore falls by a factor of e in
//   2 B (1 + gamma) / (gamma eta^2 sigma^2 d ||w||^(2 gamma - 2))
// steps. Infinite without fresh label noise or for gamma = 0.
double drift_steps(const TheoryStudy& study, double rate);

}  // namespace thalweg

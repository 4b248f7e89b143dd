// The figures of a study, as SVG.
#pragma once

#include <vector>

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// The cells that curves and landscape show. Of a diagram: the rate with the least final risk among those of which no
// run diverged at any decay time, and up to four decay times of it, the latest last; else the first seven schedules.
// Empty if every rate diverges.
std::vector<std::size_t> shown_cells(const TheoryStudy& study);

// "curves.svg": train loss, risk and norm over the steps of the shown cells, with what is known in closed form. Of a
// diagram also "decay-time.svg" (final risk and norm over the decay time, a line a rate) and "phase-diagram.svg".
std::vector<Figure> theory_figures(const TheoryStudy& study);

// Label noise that is drawn anew moves SGD along the minima (Blanc et al. 2020; Damian, Ma and Lee 2021): with a batch
// B, noise of standard deviation sigma and the rate eta, down the gradient of eta sigma^2 tr H / (4 B) by eta a step.
// On the minima tr H = d ||w||^(2 gamma) = d (||u_+||^2 + ||u_0||^2)^(gamma / (1 + gamma)), where u_0 lies in the null
// space of the samples and u_+ is fixed. So near the minimum-norm solution the null-space part of w falls by e in
//   2 B (1 + gamma) / (gamma eta^2 sigma^2 d ||w||^(2 gamma - 2))
// steps. Infinite without such noise or for gamma = 0.
double drift_steps(const TheoryStudy& study, double rate);

}  // namespace thalweg

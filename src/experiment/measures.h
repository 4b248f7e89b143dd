// Measures of each run's final weights other than losses and accuracies, written to RUN/measures.json:
//   {"weight_norm": |w|, "sharpness": largest eigenvalue of the Hessian of the train loss (train/sharpness.h),
//    "sharpness_iterations", "sharpness_converged", "request": {...what it was measured for}}
#pragma once

#include "experiment/seeds.h"

namespace thalweg {

// Measures every run. Results that exist for the same weights and settings are kept.
void measure_runs(const SeedExperiment& experiment);

}  // namespace thalweg

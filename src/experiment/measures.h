// What is measured of each run's final weights beside losses and accuracies, RUN/measures.json:
//   {"weight_norm": |w|, "sharpness": largest eigenvalue of the Hessian of the train loss (train/sharpness.h),
//    "sharpness_iterations", "sharpness_converged", "request": {...what it was measured for}}
#pragma once

#include "experiment/seeds.h"

namespace thalweg {

// Of every run; what is there for the same weights and settings stays.
void measure_runs(const Member& experiment);

}  // namespace thalweg

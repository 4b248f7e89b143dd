// What is measured of each run's final weights beside losses and accuracies, RUN/measures.json:
//   {"weight_norm": |w|, "sharpness": largest eigenvalue of the Hessian of the train loss (train/sharpness.h),
//    "sharpness_iterations", "sharpness_converged", "request": {...what it was measured for}}
#pragma once

#include <filesystem>

#include "experiment/session.h"

namespace thalweg {

// Of every run in an experiment's folder; what is there for the same weights and settings stays.
void measure_runs(const Session& session, const std::filesystem::path& folder);

}  // namespace thalweg

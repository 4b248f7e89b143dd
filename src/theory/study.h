// A whole study: the runs of a configuration and the files that report them.
#pragma once

#include <filesystem>
#include <vector>

#include "base/progress.h"
#include "theory/statistics.h"

namespace thalweg {

// Throws Error if the folder holds an experiment, a run or a different study (device and threads may differ), or if it
// cannot be created.
void claim_study_folder(const std::filesystem::path& folder, const TheoryConfig& config);

// Makes the data sets and runs all cells and, for gamma = 0, their gradient flows. Throws Stopped if a stop was
// requested.
TheoryStudy run_study(const TheoryConfig& config, ProgressMode progress);

// Writes config.json, the tables, the figures and report.html; returns the paths written.
std::vector<std::filesystem::path> write_study(const std::filesystem::path& folder, const TheoryStudy& study);

}  // namespace thalweg

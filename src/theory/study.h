// A whole study: the runs of a configuration, and the files that tell of them.
#pragma once

#include <filesystem>
#include <vector>

#include "base/progress.h"
#include "theory/statistics.h"

namespace thalweg {

// Throws Error where the folder holds something else than this study (on whatever device), or cannot be made.
void claim_study_folder(const std::filesystem::path& folder, const TheoryConfig& config);

// Makes the data sets, runs all cells, and for gamma = 0 their gradient flows. Throws Stopped where a stop was asked
// for.
TheoryStudy run_study(const TheoryConfig& config, ProgressMode progress);

// Writes config.json, the tables, the figures and report.html; returns the paths written.
std::vector<std::filesystem::path> write_study(const std::filesystem::path& folder, const TheoryStudy& study);

}  // namespace thalweg

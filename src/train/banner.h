// Summary of what a run is about to do, with every setting resolved; shown when the run starts and kept in log.txt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/plan.h"
#include "train/run.h"

namespace thalweg {

// Returns several lines without a final newline. `step`: the step at which the run starts or resumes.
std::string run_banner(const RunSpec& spec, const RunContext& context, const RunPlan& plan,
                       const std::filesystem::path& folder, std::int64_t step);
// Returns caveats about that run, one sentence each. Reads the status that an earlier process left in the folder.
std::vector<std::string> run_notes(const RunSpec& spec, const RunContext& context, const RunPlan& plan,
                                   const std::filesystem::path& folder, std::int64_t step);

}  // namespace thalweg

// What a run is about to do, with every setting resolved: shown when it starts, and kept in log.txt.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/plan.h"
#include "train/run.h"

namespace thalweg {

// Several lines without a final newline. `step`: where the run starts or goes on.
std::string run_banner(const RunSpec& spec, const RunContext& context, const RunPlan& plan,
                       const std::filesystem::path& folder, std::int64_t step);
// What a user may not expect of that, a sentence each. Reads the folder's status of before.
std::vector<std::string> run_notes(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder,
                                   std::int64_t step);

}  // namespace thalweg

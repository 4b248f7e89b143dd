// Runs a whole experiment in one folder (main path, branches, plane, surfaces, report), or one per seed in a folder
// each. Each step writes its result atomically, and steps whose result exists and is still up to date are skipped, so
// the same call resumes after a stop, a kill or a change of the landscape's settings.
//
//   config.json  main/  branches/<name>/  planes/<kind>.safetensors  surfaces/<kind>.h5 .csv  lines/<from>+<to>.h5 .csv
//   report.html  figures/
// With "plane.windows" there are also a plane and a surface for each window, <kind>.w1of4 and so on.
// With "seeds":
//   config.json  seeds/<seed>/ (as above)  seeds.json
// With "plane.shared" there are also planes/shared.safetensors and surfaces/shared.h5 .csv for the runs of all seeds.
#pragma once

#include <filesystem>
#include <vector>

#include "experiment/session.h"

namespace thalweg {

// Runs the experiment for each seed. Returns the files of the reports, each report.html first, preceded by seeds.json
// if there are seeds. If branches diverged, throws at the end.
std::vector<std::filesystem::path> run_experiment(const Session& session, const std::filesystem::path& folder);

}  // namespace thalweg

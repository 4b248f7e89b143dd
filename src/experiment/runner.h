// A whole experiment in one folder: main path, branches, plane, surfaces, report; or one in each of several folders.
// Each step writes its result whole; steps whose result is there and still fits are skipped, so the same call goes on
// after a stop, a kill or a changed landscape.
//
//   config.json  main/  branches/<name>/  planes/<kind>.safetensors  surfaces/<kind>.h5 .csv  lines/<from>+<to>.h5 .csv
//   report.html  figures/
// With "plane.windows" also a plane and a surface for each window, <kind>.w1of4 and so on.
// With "seeds":
//   config.json  seeds/<seed>/ (as above)  seeds.json
// With "plane.shared" also planes/shared.safetensors and surfaces/shared.h5 .csv of all seeds' runs.
#pragma once

#include <filesystem>
#include <vector>

#include "experiment/session.h"

namespace thalweg {

// All of it, for each seed. Returns the files of the reports, each report.html first, and seeds.json
// in front. Throws at the end where branches diverged.
std::vector<std::filesystem::path> run_experiment(const Session& session, const std::filesystem::path& folder);

}  // namespace thalweg

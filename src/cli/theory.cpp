#include <algorithm>

#include "cli/command.h"
#include "theory/study.h"

namespace thalweg {
namespace {

std::size_t num_diverged(const TheoryStudy& study) {
  std::size_t count = 0;
  for (std::size_t c = 0; c < study.cells.size(); ++c) count += ending_of(study, c) == Ending::kDiverged;
  return count;
}

// The cells of which some run diverged.
std::size_t num_with_diverged_run(const TheoryStudy& study) {
  std::size_t count = 0;
  for (std::size_t c = 0; c < study.cells.size(); ++c) count += study.final_state(c).diverged > 0;
  return count;
}

void print_result(const TheoryStudy& study, const std::vector<std::filesystem::path>& files, bool json) {
  const std::optional<std::size_t> best = best_cell(study);
  const double risk = best ? study.final_state(*best).test_risk.mean : 0;
  if (json) {
    nlohmann::json result = {{"files", nlohmann::json::array()},
                             {"cells", study.cells.size()},
                             {"runs", study.cells.size() * study.problems.size()},
                             {"diverged_cells", num_diverged(study)},
                             {"cells_with_diverged_runs", num_with_diverged_run(study)},
                             {"solution_norm", study.solution_norm().mean},
                             {"solution_risk", study.solution_risk().mean}};
    for (const auto& file : files) result["files"].push_back(file.string());
    if (best) result["best"] = {{"cell", study.cells[*best].name}, {"test_risk", risk}};
    fmt::print("{}\n", result.dump());
    return;
  }
  for (const auto& file : files) fmt::print("{}\n", file.string());
  const std::size_t diverged = num_diverged(study), partly = num_with_diverged_run(study) - diverged;
  fmt::print("minimum-norm solution: norm {:.4g}, risk {:.4g}; {} of {} cells diverged{}\n", study.solution_norm().mean,
             study.solution_risk().mean, diverged, study.cells.size(),
             partly > 0 ? fmt::format(" (at least half of their runs), some runs in {} more", partly) : "");
  if (best)
    fmt::print("lowest risk{}: {:.4g}, {}\n", diverged + partly > 0 ? " of cells without a diverged run" : "", risk,
               study.cells[*best].name);
}

}  // namespace

void theory_command(int argc, char** argv) {
  CommandLine line(
      "theory", "Trains the nonlinear model ||w||^gamma w^T x in thousands of runs: phase diagram, curves, landscape.",
      "CONFIG [--out DIR]",
      "  thalweg theory experiments/theory/quick.json --out out/theory\n"
      "  thalweg theory experiments/theory/phase-diagram.json --set theory.gamma=2 --out out/gamma-2\n");
  line.add()("config", "configuration file", cxxopts::value<std::string>(), "CONFIG")(
      "out", "folder of the results; out/NAME by default", cxxopts::value<std::string>(), "DIR");
  line.positional({"config"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const TheoryConfig config =
      read_theory_config(load_config_json(line.required("config", "the configuration file"), flags));
  const std::string folder = line.has("out") ? line.text("out") : "out/" + config.name;
  claim_study_folder(folder, config);
  const TheoryStudy study = run_study(config, flags.progress);
  print_result(study, write_study(folder, study), flags.json);
}

}  // namespace thalweg

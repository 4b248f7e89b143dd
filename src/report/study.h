// Texts, tables and figures of experiments over their seeds: the paper's claims with their verdicts, final values
// against the decay time, and late against early decay.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/figure.h"
#include "report/results.h"

namespace thalweg {

// {"experiments": [{"title", "seeds", "claims": [{"id", "text", "measured", "verdict", "estimate", "low", "high",
// "unit", "seeds"}], "runs": {run: {"fork_epoch", "end_epoch", "last_end_epoch", "diverged", quantity: {"count",
// "mean", "std", "low", "high", "values"}, "curves": [{"epoch", "test_loss", "test_accuracy"}]}}, "comparisons":
// [...]}], "across": [claims]}
// Numbers that are not finite are null. A single experiment's "claims" hold those across, too.
nlohmann::json study_json(const std::vector<Results>& experiments);
// Returns the same tables in Markdown.
std::string study_markdown(const std::vector<Results>& experiments);
// Returns the HTML section of the claims.
std::string claims_section(const std::vector<Results>& experiments);
// Returns the HTML section of an experiment's decay times over seeds: figures, maps of a shared plane, and tables.
std::string sweep_section(const Results& results);
// Returns "decay-sweep.svg" and "decay-geometry.svg" of one experiment: means over seeds with 95 % intervals against
// the decay time; "decay-sweep-2.svg" and so on if `index` is above 0. None if fewer than two branches have a value.
std::vector<Figure> sweep_figures(const Results& results, std::size_t index = 0);

// Writes claims.json and claims.md to `folder`. Returns their paths.
std::vector<std::filesystem::path> write_claims(const std::filesystem::path& folder,
                                                const std::vector<Results>& experiments);
// Writes report.html and figures/ (of the sweeps, and surface-train-test.svg and so on of a shared plane) of one or
// several experiments over their seeds. Returns the paths, report.html first.
std::vector<std::filesystem::path> write_study(const std::filesystem::path& folder,
                                               const std::vector<Results>& experiments);
// Writes an experiment's claims, and the page over its seeds if it has seeds/.
std::vector<std::filesystem::path> write_summary(const std::filesystem::path& experiment);

}  // namespace thalweg

// Experiments over their seeds in words, tables and figures: the claims of the paper with their verdicts, what runs
// ended with against the decay time, and late against early decay.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/figure.h"
#include "report/results.h"

namespace thalweg {

// {"experiments": [{"title", "seeds", "claims": [{"id", "text", "measured", "verdict", "estimate", "low", "high",
// "unit", "seeds"}], "runs": {run: {quantity: {"values", "mean", "std", "low", "high"}, "curves":
// [{"epoch", "test_loss", "test_accuracy"}]}}, "comparisons": [...]}], "across": [claims]}; what is not finite is null.
nlohmann::json study_json(const std::vector<Results>& experiments);
// The same tables in Markdown.
std::string study_markdown(const std::vector<Results>& experiments);
// HTML: claims, and (for more than one seed) decay times over seeds with comparisons.
std::string claims_section(const std::vector<Results>& experiments);
// With the maps of the plane that seeds share.
std::string sweep_section(const Results& results);
// "decay-sweep.svg" and "decay-geometry.svg" of one experiment: means with 95 % intervals over seeds against the decay
// time. With `index` above 0 "decay-sweep-2.svg" and so on. None where fewer than two branches have a value.
std::vector<Figure> sweep_figures(const Results& results, std::size_t index = 0);

// claims.json and claims.md in `folder`. Returns their paths.
std::vector<std::filesystem::path> write_claims(const std::filesystem::path& folder,
                                                const std::vector<Results>& experiments);
// report.html and figures/ (the sweeps', and surface-train-test.svg and so on of a shared plane) of experiments over
// seeds, or of several. Returns the paths, report.html first.
std::vector<std::filesystem::path> write_study(const std::filesystem::path& folder,
                                               const std::vector<Results>& experiments);
// Of an experiment's folder: its claims, and with seeds/ in it the page over them.
std::vector<std::filesystem::path> write_summary(const std::filesystem::path& experiment);

}  // namespace thalweg

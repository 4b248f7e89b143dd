// Tables of an experiment over its seeds, as rows of text for both Markdown and HTML.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"

namespace thalweg {

struct TextTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  // the first cell is the row's name
};

// The claims of each experiment. For several experiments a column names the experiment, and the claims across them come
// first; for one they come last, as not tested.
TextTable claims_table(const std::vector<Results>& experiments);
// One row per run, one column per quantity: "82.15 ± 0.25 [81.53, 82.77]" (mean, standard deviation and Student's 95 %
// interval of the mean, over seeds), or "82.15" for one seed. " (2 seeds)" is appended if some seeds have no value;
// "diverged" means that the run diverged in every seed.
TextTable sweep_table(const Results& results);
// One row per later branch: differences to the first branch, intervals, and p by Holm's method. No rows if there are
// fewer than two branches.
TextTable comparison_table(const Results& results);

std::string to_markdown(const TextTable& table);
std::string to_html(const TextTable& table);

}  // namespace thalweg

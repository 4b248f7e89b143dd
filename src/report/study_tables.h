// Tables of an experiment over its seeds, as rows of text that Markdown and HTML share.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"

namespace thalweg {

struct TextTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  // the first cell names the row
};

// The claims of each experiment; with several a column says whose, and those across them come first. Of one they come
// last, as not tested.
TextTable claims_table(const std::vector<Results>& experiments);
// A run a row, a quantity a column: "82.15 ± 0.25 [81.53, 82.77]" (mean, standard deviation and Student's 95 % interval
// of the mean, over seeds); "82.15" of one seed. Where fewer seeds than there are have it, " (2 seeds)" behind that;
// "diverged" where no seed has it since the run diverged.
TextTable sweep_table(const Results& results);
// A later branch a row: differences to the first, intervals, p by Holm's method. Without rows for fewer than two.
TextTable comparison_table(const Results& results);

std::string to_markdown(const TextTable& table);
std::string to_html(const TextTable& table);

}  // namespace thalweg

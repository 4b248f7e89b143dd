#include "report/study_tables.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/ranges.h>

#include "base/error.h"
#include "report/claims.h"
#include "report/decay_comparison.h"
#include "report/run_style.h"
#include "report/svg.h"

namespace thalweg {
namespace {

constexpr const char* kNone = "–";
constexpr const char* kDiverged = "diverged";

// Describes the values in a caption; for one seed there is only the value.
std::string over_seeds(std::size_t seeds, const char* what) {
  return seeds == 1 ? "one seed" : fmt::format("{} seeds; {}", seeds, what);
}

std::vector<std::string> claim_row(const Claim& claim) {
  return {claim.text, claim.measured, to_string(claim.verdict)};
}

// " (2 seeds)" if fewer than all seeds gave a value.
std::string fewer_seeds(const MeanTest& test, std::size_t seeds) {
  if (static_cast<std::size_t>(test.count) == seeds) return "";
  return fmt::format(" ({} seed{})", test.count, test.count == 1 ? "" : "s");
}

std::string mean_text(const SweepRun& run, const Quantity& quantity) {
  const std::vector<double>& all = run.values.at(quantity.key);
  std::vector<double> values = finite_values(all);
  if (values.empty()) return !all.empty() && run.num_diverged == all.size() ? kDiverged : kNone;
  for (double& v : values) v *= quantity.factor;
  const MeanTest test = test_mean(values);
  const int digits = quantity.digits;
  const std::string fewer = fewer_seeds(test, all.size());
  if (test.count < 2) return fmt::format("{:.{}f}{}", test.mean, digits, fewer);
  return fmt::format("{:.{}f} ± {:.{}f} [{:.{}f}, {:.{}f}]{}", test.mean, digits, test.deviation, digits, test.low,
                     digits, test.high, digits, fewer);
}

std::string test_text(const MeanTest& test, int digits, std::size_t seeds) {
  if (test.count == 0) return kNone;
  const std::string fewer = fewer_seeds(test, seeds);
  if (test.count < 2) return fmt::format("{:+.{}f}{}", test.mean, digits, fewer);
  return fmt::format("{:+.{}f} [{:+.{}f}, {:+.{}f}]{}", test.mean, digits, test.low, digits, test.high, digits, fewer);
}

std::string p_cell(double p) {
  return std::isnan(p) ? kNone : p < 0.0001 ? "< 0.0001" : fmt::format("{:.4f}", p);
}

// Whether all cells of a column are numbers, possibly with intervals and a note in parentheses.
bool is_numeric(const TextTable& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(), [&](const std::vector<std::string>& row) {
    const std::string number = row[column].substr(0, row[column].find(" ("));
    return number == kDiverged ||
           std::none_of(number.begin(), number.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  });
}

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) {
    text += ' ';
    for (const char c : cell) {
      if (c == '|') text += '\\';  // a bar would end the cell
      text += c;
    }
    text += " |";
  }
  return text + "\n";
}

std::string epochs_text(const SweepRun& run) {
  if (std::isnan(run.end_epoch)) return kNone;
  if (run.end_epoch == run.last_end_epoch) return fmt::format("{:g}", run.end_epoch);
  return fmt::format("{:g} to {:g}", run.end_epoch, run.last_end_epoch);
}

}  // namespace

TextTable claims_table(const std::vector<Results>& experiments) {
  TextTable table{"What the paper claims, what was measured, and the verdict", {"Claim", "Measured", "Verdict"}, {}};
  const bool several = experiments.size() > 1;
  if (several) table.head.insert(table.head.begin() + 1, "Experiment");
  const auto add = [&](const Claim& claim, const std::string& whose) {
    std::vector<std::string> row = claim_row(claim);
    if (several) row.insert(row.begin() + 1, whose);
    table.rows.push_back(std::move(row));
  };
  const auto add_across = [&] {
    for (const Claim& claim : claims_across(experiments)) add(claim, "all");
  };
  if (several) add_across();
  for (const Results& results : experiments) {
    for (const Claim& claim : claims_of(results)) add(claim, results.title);
  }
  if (!several) add_across();
  return table;
}

TextTable sweep_table(const Results& results) {
  TextTable table{
      fmt::format("What runs ended with ({})",
                  over_seeds(results.seeds.size(), "mean ± standard deviation [95 % confidence interval of the mean]")),
      {"Run", "Decay at epoch", "Epochs"},
      {}};
  const std::vector<SweepRun> runs = sweep_of(results);
  std::vector<const Quantity*> shown;
  for (const Quantity& quantity : quantities()) {
    bool any = false;
    for (const SweepRun& run : runs) any = any || !finite_values(run.values.at(quantity.key)).empty();
    if (!any) continue;
    shown.push_back(&quantity);
    table.head.push_back(quantity.label);
  }
  for (const SweepRun& run : runs) {
    std::vector<std::string> row = {run_label(split_run_name(run.name)),
                                    run.fork_epoch ? fmt::format("{:g}", *run.fork_epoch) : kNone, epochs_text(run)};
    for (const Quantity* quantity : shown) row.push_back(mean_text(run, *quantity));
    table.rows.push_back(std::move(row));
  }
  return table;
}

TextTable comparison_table(const Results& results) {
  TextTable table{fmt::format("Late against the earliest decay at equal total epochs, paired by seed ({})",
                              over_seeds(results.seeds.size(), "95 % intervals of paired t tests, p by Holm's method")),
                  {"Run", "At epoch", "Test accuracy, points", "p", "Test loss, nats", "p"},
                  {}};
  if (const DecaySweep sweep = decay_sweep(results); !sweep.left_out.empty())
    table.caption += fmt::format("; without {}", fmt::join(sweep.left_out, ", "));
  const std::size_t seeds = results.seeds.size();
  for (const Comparison& c : compare_decay_times(results)) {
    table.rows.push_back({c.run, fmt::format("{:g}", c.epoch), test_text(c.accuracy, 2, seeds), p_cell(c.accuracy_p),
                          test_text(c.loss, 4, seeds), p_cell(c.loss_p)});
  }
  return table;
}

std::string to_markdown(const TextTable& table) {
  if (table.rows.empty()) return "";
  std::string text = fmt::format("{}:\n\n{}", table.caption, markdown_row(table.head));
  text += markdown_row(std::vector<std::string>(table.head.size(), "---"));
  for (const auto& row : table.rows) text += markdown_row(row);
  return text + "\n";
}

std::string to_html(const TextTable& table) {
  if (table.rows.empty()) return "";
  std::string text =
      fmt::format("<div class=\"scroll\"><table><caption>{}</caption><thead><tr>", escape_xml(table.caption));
  std::vector<const char*> classes;
  for (std::size_t i = 0; i < table.head.size(); ++i) {
    classes.push_back(i > 0 && is_numeric(table, i) ? " class=\"number\"" : "");
    text += fmt::format("<th scope=\"col\"{}>{}</th>", classes[i], escape_xml(table.head[i]));
  }
  text += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", escape_xml(row.front()));
    for (std::size_t i = 1; i < row.size(); ++i) text += fmt::format("<td{}>{}</td>", classes[i], escape_xml(row[i]));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace thalweg

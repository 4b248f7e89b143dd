#include <algorithm>

#include "base/error.h"
#include "report/page.h"
#include "report/run_style.h"
#include "report/summary.h"
#include "report/svg.h"

namespace thalweg {
namespace {

struct Column {
  std::optional<double> DecayRow::*value;
  double factor;
  int digits;
};
constexpr Column kTestLoss{&DecayRow::test_loss, 1, 4}, kTestAccuracy{&DecayRow::test_accuracy, 100, 2};
constexpr Column kTrainLoss{&DecayRow::train_loss, 1, 4}, kTrainAccuracy{&DecayRow::train_accuracy, 100, 2};

std::string cell(const DecayRow& row, const Column& column, const std::optional<double>& best = std::nullopt) {
  const std::optional<double>& value = row.*column.value;
  if (!value) return fmt::format("<td class=\"number\">{}</td>", row.diverged ? "diverged" : "–");
  return fmt::format("<td class=\"number{}\">{:.{}f}</td>", value == best ? " best" : "", column.factor * *value,
                     column.digits);
}

// Returns nothing for a single row, since there is nothing to compare it with.
std::optional<double> extreme(const std::vector<DecayRow>& rows, const Column& column, double sign) {
  std::optional<double> best;
  if (rows.size() < 2) return best;
  for (const DecayRow& row : rows) {
    const auto& value = row.*column.value;
    if (value && (!best || sign * *value < sign * *best)) best = value;
  }
  return best;
}

std::string swatch(const ReportData& data, const std::string& run) {
  const std::string color = is_main(run) ? "var(--main)" : run_style(data, run).color;
  const std::string fill =
      is_average(run) ? fmt::format("repeating-linear-gradient(90deg,{} 0 3px,transparent 3px 5px)", color) : color;
  return fmt::format("<span class=\"swatch\" style=\"background:{}\" aria-hidden=\"true\"></span>", fill);
}

std::string decay_table(const ReportData& data, const std::vector<DecayRow>& rows) {
  const auto least_loss = extreme(rows, kTestLoss, 1);
  const auto most_accuracy = extreme(rows, kTestAccuracy, -1);
  std::string text =
      "<div class=\"scroll\"><table><caption>Final values of each run; the best test values are in bold with a "
      "star</caption><thead>"
      "<tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"number\">Decay at epoch</th><th scope=\"col\" "
      "class=\"number\">Test loss</th><th scope=\"col\" class=\"number\">Test accuracy (%)</th><th scope=\"col\" "
      "class=\"number\">Train loss</th><th scope=\"col\" class=\"number\">Train accuracy "
      "(%)</th></tr></thead><tbody>\n";
  for (const DecayRow& row : rows) {
    text += fmt::format(
        "<tr><th scope=\"row\">{}{}</th>"
        "<td class=\"number\">{}</td>{}{}{}{}</tr>\n",
        swatch(data, row.name), escape_xml(run_label(split_run_name(row.name))),
        row.fork_epoch ? fmt::format("{:.6g}", *row.fork_epoch) : "–", cell(row, kTestLoss, least_loss),
        cell(row, kTestAccuracy, most_accuracy), cell(row, kTrainLoss), cell(row, kTrainAccuracy));
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string decay_section(const ReportData& data) {
  const std::vector<DecayRow> rows = decay_rows(data);
  const bool any = std::any_of(rows.begin(), rows.end(), [](const DecayRow& r) {
    return r.test_loss || r.test_accuracy || r.train_loss || r.train_accuracy;
  });
  if (!any) return "";
  const bool plot = std::any_of(rows.begin(), rows.end(),
                                [](const DecayRow& r) { return r.fork_epoch && (r.test_loss || r.test_accuracy); });
  std::string text = "<section aria-labelledby=\"h-decay\">\n<h2 id=\"h-decay\">Decay time and generalisation</h2>\n";
  if (plot) {
    text +=
        "<figure><div id=\"decay\" class=\"plot\" role=\"img\" aria-label=\"Final test loss and accuracy against the "
        "epoch of decay; the numbers are in the table below\"></div></figure>\n";
  }
  return text + decay_table(data, rows) + "</section>\n";
}

std::string curve_section(const ReportData& data) {
  bool any = false, tested = false;
  for (const RunSeries& run : data.runs) {
    for (const EpochMetrics& m : run.epochs) {
      any = true;
      tested = tested || m.test_loss || m.test_accuracy;
    }
  }
  if (!any) return "";
  std::string text =
      "<section aria-labelledby=\"h-curves\">\n<h2 id=\"h-curves\">Training</h2>\n<div class=\"pair\">\n";
  const auto plot = [&](const char* id, const char* label) {
    text += fmt::format("<figure><div id=\"{}\" class=\"plot\" role=\"img\" aria-label=\"{}\"></div></figure>\n", id,
                        label);
  };
  plot("rate", "Learning rate by epoch");
  plot("train-loss", "Train loss by epoch");
  if (tested) plot("test-loss", "Test loss by epoch");
  if (tested) plot("test-accuracy", "Test accuracy by epoch");
  return text + "</div>\n</section>\n";
}

}  // namespace thalweg

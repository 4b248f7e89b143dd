#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/colors.h"
#include "report/end_lines.h"
#include "report/panels.h"
#include "report/study_tables.h"
#include "report/svg.h"

namespace thalweg {
namespace {

struct Loss {
  const char* key;
  const char* name;
  const char* color;
};
constexpr Loss kLosses[] = {{"train_loss", "Train loss", kTrainColor}, {"test_loss", "Test loss", kTestColor}};

// Where each branch stands on the horizontal axis.
struct Places {
  std::vector<double> of_branch;
  std::string label;
};

// At their forks or, if several branches fork at one epoch, at their distance along the lines.
Places places_of(const EndLines& lines) {
  Places epochs{{}, "Epoch at which the rate decays"}, distances{{}, "Distance along the lines in weight space"};
  double distance = 0;
  for (const EndLines::Branch& branch : lines.branches) {
    epochs.of_branch.push_back(branch.fork_epoch);
    distances.of_branch.push_back(distance);
    if (branch.next != nullptr) distance += branch.next->x.back() - branch.next->x.front();
  }
  const bool is_shared = std::ranges::adjacent_find(epochs.of_branch) != epochs.of_branch.end();
  return is_shared ? distances : epochs;
}

// Returns one curve along all lines, one after the other.
std::vector<Point2> curve_of(const EndLines& lines, const Places& places, const Loss& loss) {
  std::vector<Point2> curve;
  for (std::size_t i = 0; i + 1 < lines.branches.size(); ++i) {
    const std::vector<double>& values = lines.branches[i].next->values.at(loss.key);
    const double from = places.of_branch[i], to = places.of_branch[i + 1];
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double t = static_cast<double>(k) / static_cast<double>(values.size() - 1);
      curve.push_back({from + t * (to - from), values[k]});
    }
  }
  return curve;
}

PanelPlan panel_of(const ReportData& data, const EndLines& lines, const Places& places, const Loss& loss) {
  PanelPlan plan{.title = loss.name, .y_label = data.loss_label, .log_ratio = kLogAxisRatio};
  plan.curves.emplace_back(curve_of(lines, places, loss), Stroke{loss.color, 1.8, "", 1});
  for (std::size_t i = 0; i < lines.branches.size(); ++i) {
    const std::vector<double>& values = lines.branches[i].descent->values.at(loss.key);
    for (const auto& [value, marker] : {std::pair(values.front(), Marker::kRing), {values.back(), Marker::kCircle}}) {
      if (std::isfinite(value)) plan.points.push_back({{places.of_branch[i], value}, loss.color, marker});
    }
  }
  return plan;
}

std::string rise_text(double rise) {
  return std::isnan(rise) ? "not finite" : fmt::format("{:.4f}", rise);
}

TextTable table_of(const EndLines& lines) {
  TextTable table{
      "Rise of the loss on each straight line above the higher of its two ends (nats)", {"From", "To", "Distance"}, {}};
  for (const Loss& loss : kLosses) {
    if (lines.has(loss.key)) table.head.push_back(fmt::format("{}: rise", loss.name));
  }
  for (std::size_t i = 0; i + 1 < lines.branches.size(); ++i) {
    const EndLines::Branch& branch = lines.branches[i];
    std::vector<std::string> row{branch.name, lines.branches[i + 1].name,
                                 fmt::format("{:.4g}", branch.next->x.back() - branch.next->x.front())};
    for (const Loss& loss : kLosses) {
      if (lines.has(loss.key)) row.push_back(rise_text(lines.rise(i, loss.key)));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string summary_of(const EndLines& lines) {
  std::string text =
      "The loss on straight lines in weight space (not projected onto a plane) from the end of each branch to the end "
      "of the next, over the images and with the batch-norm statistics of the maps: the values at the ends may differ "
      "from the final losses in the tables, which are over all images and with each run's own statistics.";
  if (!lines.has("train_loss")) return text;
  const double error = lines.largest_error("train_loss");
  if (std::isnan(error)) text += " The losses are estimated from samples of the images; their error is not known.";
  if (error > 0)
    text += fmt::format(
        " The losses are estimated from samples of the images, a different sample for each line: the standard error of "
        "the train loss is at most {:.2g} nats, and differences along one line are more precise.",
        error);
  const double rise = lines.largest_rise("train_loss"), descent = lines.mean_descent("train_loss");
  if (!std::isfinite(rise + descent)) return text + " On at least one of the lines, the train loss is not finite.";
  text += fmt::format(" The train loss rises by at most {:.4f} nats above the higher end of a line", rise);
  if (!(descent > 0)) return text + "; from the forks to the ends of the branches, it does not fall on average.";
  return text + fmt::format(
                    ", which is {:.1f} % of its mean descent from the forks to the ends of the branches ({:.4f} nats).",
                    100 * rise / descent, descent);
}

}  // namespace

std::string end_lines_figure(const ReportData& data, const EndLines& lines) {
  const Places places = places_of(lines);
  std::vector<PanelPlan> plans;
  std::vector<LegendEntry> entries;
  for (const Loss& loss : kLosses) {
    if (!lines.has(loss.key)) continue;
    plans.push_back(panel_of(data, lines, places, loss));
    entries.push_back({std::string(loss.name) + " from end to end", {loss.color, 1.8, "", 1}, false, {}, ""});
  }
  const Stroke none{"none", 0, "", 1};
  entries.push_back({"at the ends of branches", none, true, Marker::kCircle, "#444"});
  entries.push_back({"at their forks", none, true, Marker::kRing, "#444"});
  return draw_panels(data.title + ": loss on straight lines between the ends of branches", places.label, plans,
                     entries);
}

std::string end_lines_section(const ReportData& data) {
  const std::optional<EndLines> lines = end_lines(data);
  if (!lines) return "";
  return fmt::format(
      "<section aria-labelledby=\"h-lines\">\n<h2 id=\"h-lines\">Between the ends of branches</h2>\n<p>{}</p>\n"
      "<figure>{}</figure>\n{}</section>\n",
      escape_xml(summary_of(*lines)), end_lines_figure(data, *lines), to_html(table_of(*lines)));
}

}  // namespace thalweg

#include "report/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "base/error.h"
#include "io/json_member.h"
#include "report/levels.h"
#include "report/map_notes.h"
#include "report/minima.h"
#include "report/run_style.h"

namespace thalweg {
namespace {

std::optional<double> finite_number(const nlohmann::json& object, const char* key) {
  const double value = number_or_nan(member(object, key));
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

std::string epoch_phrase(const DecayRow& row) {
  if (is_average(row.name)) {
    return row.fork_epoch ? fmt::format("the average of the branch at epoch {}", short_number(*row.fork_epoch))
                          : "the average of the main path";
  }
  if (row.fork_epoch) return fmt::format("the branch that decays at epoch {}", short_number(*row.fork_epoch));
  return is_main(row.name) ? "the main path, without an early decay" : row.name;
}

// Returns the row with the lowest cost; null if no row has any.
const DecayRow* best_row(const std::vector<DecayRow>& rows,
                         const std::function<std::optional<double>(const DecayRow&)>& cost) {
  const DecayRow* best = nullptr;
  for (const DecayRow& row : rows) {
    if (cost(row) && (best == nullptr || *cost(row) < *cost(*best))) best = &row;
  }
  return best;
}

std::string compared_runs(const std::vector<DecayRow>& rows) {
  std::size_t branches = 0, averages = 0;
  for (const DecayRow& row : rows) {
    if (!row.test_loss) continue;
    if (is_average(row.name)) {
      ++averages;
    } else if (row.fork_epoch) {
      ++branches;
    }
  }
  if (branches < 2) return "";
  const std::string more = averages == 0 ? "" : fmt::format(" and {} average{}", averages, averages == 1 ? "" : "s");
  return fmt::format(" (of {} branches{} compared)", branches, more);
}

void add_decay_findings(const std::vector<DecayRow>& rows, std::vector<std::string>* out) {
  const DecayRow* loss = best_row(rows, [](const DecayRow& r) { return r.test_loss; });
  const DecayRow* accuracy = best_row(rows, [](const DecayRow& r) {
    return r.test_accuracy ? std::optional<double>(-*r.test_accuracy) : std::nullopt;
  });
  if (rows.size() < 2) {
    if (loss != nullptr) out->push_back(fmt::format("The final test loss is {:.4f}.", *loss->test_loss));
    if (accuracy != nullptr) {
      out->push_back(fmt::format("The final test accuracy is {:.2f} %.", 100 * *accuracy->test_accuracy));
    }
    return;
  }
  // " and 2 other runs" if the value is not the row's alone.
  const auto others = [&](std::optional<double> DecayRow::*column, const DecayRow& best) {
    const auto alike = std::ranges::count(rows, best.*column, column) - 1;
    return alike == 0 ? "" : fmt::format(" and {} other run{}", alike, alike == 1 ? "" : "s");
  };
  if (loss != nullptr) {
    out->push_back(fmt::format("Lowest final test loss: {:.4f}, from {}{}{}.", *loss->test_loss, epoch_phrase(*loss),
                               others(&DecayRow::test_loss, *loss), compared_runs(rows)));
  }
  if (accuracy != nullptr) {
    out->push_back(fmt::format("Highest final test accuracy: {:.2f} %, from {}{}.", 100 * *accuracy->test_accuracy,
                               epoch_phrase(*accuracy), others(&DecayRow::test_accuracy, *accuracy)));
  }
}

void sort_by_decay(std::vector<DecayRow>* rows) {
  const auto place = [](const DecayRow& row) {
    const RunName name = split_run_name(row.name);
    return std::tuple(row.fork_epoch.value_or(INFINITY), name.run, name.is_average);
  };
  std::ranges::stable_sort(*rows, {}, place);
}

}  // namespace

std::vector<DecayRow> decay_rows(const ReportData& data) {
  std::vector<DecayRow> rows;
  for (const std::vector<RunSeries>* series : {&data.runs, &data.averages}) {
    for (const RunSeries& run : *series) {
      const nlohmann::json& m = run.final_metrics;
      rows.push_back({run.name, run.fork_epoch, finite_number(m, "train_loss"), finite_number(m, "train_accuracy"),
                      finite_number(m, "test_loss"), finite_number(m, "test_accuracy"), run.diverged});
    }
  }
  sort_by_decay(&rows);
  return rows;
}

std::vector<DecayRow> decay_rows(const std::vector<ReportData>& seeds) {
  std::vector<DecayRow> rows;
  for (const ReportData& seed : seeds) {
    for (DecayRow& row : decay_rows(seed)) {
      const auto there = std::ranges::find(rows, row.name, &DecayRow::name);
      if (there == rows.end()) {
        rows.push_back(std::move(row));
      } else if (!there->fork_epoch) {  // run began, but its fork was not recorded
        there->fork_epoch = row.fork_epoch;
      }
    }
  }
  sort_by_decay(&rows);
  return rows;
}

std::vector<std::string> findings(const ReportData& data) {
  std::vector<std::string> out;
  add_decay_findings(decay_rows(data), &out);
  if (!data.surfaces.empty() && !is_unfinished(data.surfaces.front())) {
    if (std::string text = minima_sentence(data.surfaces.front()); !text.empty()) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace thalweg

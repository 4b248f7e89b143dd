#include "report/decay_comparison.h"

#include <algorithm>
#include <cmath>

#include "io/json_member.h"
#include "report/run_style.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

// Removes lengths that last to the end of a branch of so many epochs: the defaults that configurations fill in.
void erase_default_lengths(nlohmann::json& schedule, double epochs) {
  constexpr double kRounding = 1e-6;
  const auto number = [](const nlohmann::json& object, const char* key) {
    const double value = number_or_nan(member(object, key));
    return std::isnan(value) ? 0 : value;
  };
  const double rest = epochs - number(member(schedule, "warmup"), "epochs") - number(schedule, "decay_at");
  for (const char* key : {"epochs", "decay_epochs"}) {
    if (std::abs(number_or_nan(member(schedule, key)) - std::max(rest, 0.0)) < kRounding) schedule.erase(key);
  }
}

// Returns the schedule as text, without default lengths; empty if the configuration does not name the branch.
std::string schedule_of(const nlohmann::json& config, const std::string& branch) {
  const nlohmann::json branches = member(config, "branches");
  for (const nlohmann::json& b : branches) {
    if (member(b, "name") != branch) continue;
    nlohmann::json schedule = member(b, "schedule");
    if (schedule.is_object()) erase_default_lengths(schedule, number_or_nan(member(b, "epochs")));
    return schedule.dump();
  }
  return "";
}

}  // namespace

double p_of(const MeanTest& test) {
  return test.count >= 2 && std::isnan(test.p) ? 1 : test.p;
}

std::vector<std::string> comparable_branches(const nlohmann::json& config, const std::vector<BranchAt>& branches) {
  std::vector<std::string> schedules, out;
  for (const BranchAt& branch : branches) schedules.push_back(schedule_of(config, branch.name));
  const auto count_of = [&](const std::string& schedule) { return std::ranges::count(schedules, schedule); };
  const auto most = std::ranges::max_element(schedules, {}, count_of);
  const bool filters = most != schedules.end() && count_of(*most) > 1 && 2 * count_of(*most) >= std::ssize(schedules);
  double last = -INFINITY;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    if (branches[i].fork_epoch == last || (filters && schedules[i] != *most)) continue;
    out.push_back(branches[i].name);
    last = branches[i].fork_epoch;
  }
  return out;
}

std::vector<DecayRow> comparable_rows(const ReportData& data) {
  std::vector<DecayRow> rows = decay_rows(data);
  std::vector<BranchAt> branches;
  for (const DecayRow& row : rows) {
    if (row.fork_epoch && !is_average(row.name) && row.test_loss) branches.push_back({row.name, *row.fork_epoch});
  }
  const std::vector<std::string> comparable = comparable_branches(data.config, branches);
  std::erase_if(rows, [&](const DecayRow& row) {
    return row.fork_epoch && std::ranges::count(comparable, split_run_name(row.name).run) == 0;
  });
  return rows;
}

DecaySweep decay_sweep(const Results& results) {
  DecaySweep out;
  std::vector<BranchAt> branches;
  for (SweepRun& run : sweep_of(results)) {
    if (!run.fork_epoch || is_average(run.name) || !std::isfinite(run.end_epoch)) continue;
    branches.push_back({run.name, *run.fork_epoch});
    out.runs.push_back(std::move(run));
  }
  const std::vector<std::string> comparable = comparable_branches(results.config, branches);
  std::erase_if(out.runs, [&](const SweepRun& run) {
    const bool is_left_out = std::find(comparable.begin(), comparable.end(), run.name) == comparable.end();
    if (is_left_out) out.left_out.push_back(run.name);
    return is_left_out;
  });
  out.one_schedule = std::all_of(comparable.begin(), comparable.end(), [&](const std::string& branch) {
    return schedule_of(results.config, branch) == schedule_of(results.config, comparable.front());
  });
  return out;
}

std::vector<double> by_seed(const std::vector<const ReportData*>& seeds,
                            const std::function<std::optional<double>(const ReportData&)>& f) {
  std::vector<double> out;
  for (const ReportData* seed : seeds) {
    if (const std::optional<double> value = f(*seed); value && std::isfinite(*value)) out.push_back(*value);
  }
  return out;
}

std::vector<double> differences(const std::vector<const ReportData*>& seeds, const std::string& late,
                                const std::string& early, double epoch, TestMetric metric) {
  const double factor = metric == &EpochMetrics::test_accuracy ? 100 : 1;
  return by_seed(seeds, [&](const ReportData& seed) -> std::optional<double> {
    const auto a = test_value_at(seed, late, epoch, metric), b = test_value_at(seed, early, epoch, metric);
    return a && b ? std::optional(factor * (*a - *b)) : std::nullopt;
  });
}

EqualEnds equal_ends(const Results& results, double at_most) {
  EqualEnds out{at_most, decay_sweep(results).runs, {}};
  for (const SweepRun& run : out.runs) out.epoch = std::min(out.epoch, run.end_epoch);
  std::erase_if(out.runs, [&](const SweepRun& run) { return *run.fork_epoch >= out.epoch; });
  for (const ReportData& seed : results.seeds) {
    const bool complete = std::all_of(out.runs.begin(), out.runs.end(), [&](const SweepRun& run) {
      return std::isfinite(test_value_at(seed, run.name, out.epoch, &EpochMetrics::test_accuracy).value_or(NAN));
    });
    if (complete) out.seeds.push_back(&seed);
  }
  return out;
}

std::vector<Comparison> compare_decay_times(const Results& results) {
  std::vector<Comparison> out;
  const std::vector<SweepRun> runs = decay_sweep(results).runs;
  std::vector<const ReportData*> seeds;
  for (const ReportData& seed : results.seeds) seeds.push_back(&seed);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    Comparison c{runs[i].name, *runs[i].fork_epoch, std::min(runs[i].end_epoch, runs[0].end_epoch), {}, {}, 0, 0};
    if (c.epoch <= c.fork_epoch) continue;
    c.accuracy = test_mean(differences(seeds, runs[i].name, runs[0].name, c.epoch, &EpochMetrics::test_accuracy));
    c.loss = test_mean(differences(seeds, runs[i].name, runs[0].name, c.epoch, &EpochMetrics::test_loss));
    if (c.accuracy.count > 0) out.push_back(c);
  }
  std::vector<double> accuracy, loss;
  for (const Comparison& c : out) accuracy.push_back(p_of(c.accuracy)), loss.push_back(p_of(c.loss));
  accuracy = holm(accuracy);
  loss = holm(loss);
  for (std::size_t i = 0; i < out.size(); ++i) out[i].accuracy_p = accuracy[i], out[i].loss_p = loss[i];
  return out;
}

}  // namespace thalweg

#include "report/claims.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include <fmt/ranges.h>

#include "base/error.h"
#include "report/claim_text.h"
#include "report/decay_comparison.h"
#include "report/run_style.h"
#include "report/valley_claims.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

constexpr double kFaster = 2;
constexpr double kGain = 15;  // percent

std::string not_evaluated(const EqualEnds& ends) {
  return fmt::format("no seed has all branches evaluated at epoch {:g}, where the first of them ended", ends.epoch);
}

// Judges by the interval: whether it lies above `claimed`, only above `none`, or contains either.
Verdict verdict_of(const MeanTest& test, double none, double claimed) {
  if (test.count < 2 || std::isnan(test.mean)) return Verdict::kUndecided;
  if (test.high < none) return Verdict::kContradicted;
  if (test.low <= none) return Verdict::kUndecided;
  if (test.low >= claimed) return Verdict::kSupported;
  return test.high < claimed ? Verdict::kWeaker : Verdict::kSizeUndecided;
}

// A quantity of a branch, in `unit`, that the paper says rises (sign 1) or falls (-1) with the decay time.
struct Trend {
  std::function<std::optional<double>(const ReportData& seed, const std::string& run, double epoch)> value;
  const char* unit;
  double sign;
  int digits;
};

Trend accuracy_trend() {
  const auto percent = [](const ReportData& seed, const std::string& run, double epoch) -> std::optional<double> {
    const auto value = test_value_at(seed, run, epoch, &EpochMetrics::test_accuracy);
    return value ? std::optional(100 * *value) : std::nullopt;
  };
  return {percent, "points", 1, 2};
}

Trend loss_trend() {
  const auto loss = [](const ReportData& seed, const std::string& run, double epoch) {
    return test_value_at(seed, run, epoch, &EpochMetrics::test_loss);
  };
  return {loss, "nats", -1, 4};
}

Claim trend_claim(const Results& results, const Trend& trend, Claim claim) {
  const EqualEnds ends = equal_ends(results);
  if (ends.runs.size() < 3) {
    claim.measured = "fewer than three branches that have ended and had decayed before the first of them ended";
    return claim;
  }
  std::vector<double> spans;  // from the earliest to the latest
  const MeanTest slopes = test_mean(by_seed(ends.seeds, [&](const ReportData& seed) -> std::optional<double> {
    std::vector<double> x, y;
    for (const SweepRun& run : ends.runs) {
      const auto value = trend.value(seed, run.name, ends.epoch);
      if (!value || !std::isfinite(*value)) return std::nullopt;
      x.push_back(*run.fork_epoch);
      y.push_back(*value);
    }
    spans.push_back(y.back() - y.front());
    return slope(x, y);
  }));
  if (slopes.count == 0) {
    claim.measured =
        ends.seeds.empty()
            ? not_evaluated(ends)
            : fmt::format("in no seed are the values of all branches at epoch {:g} known and finite", ends.epoch);
    return claim;
  }
  claim.estimate = slopes;
  claim.unit = fmt::format("{} an epoch of delay", trend.unit);
  claim.measured =
      fmt::format("{} {} ({}); decay at {:g} against {:g}: {}; all at epoch {:g}",
                  with_interval(slopes, trend.digits + 1), claim.unit, p_text(slopes), *ends.runs.back().fork_epoch,
                  *ends.runs.front().fork_epoch, with_interval(test_mean(spans), trend.digits), ends.epoch);
  MeanTest claimed = slopes;
  if (trend.sign < 0) claimed.mean = -slopes.mean, claimed.low = -slopes.high, claimed.high = -slopes.low;
  claim.verdict = verdict_of(claimed, 0, 0);
  return claim;
}

// Returns the run of `runs` with the highest accuracy at the epoch of `ends`, on average over its seeds.
const SweepRun& best_of(const EqualEnds& ends, std::span<const SweepRun> runs) {
  const auto accuracy = [&](const SweepRun& run) {
    return statistic_of(by_seed(ends.seeds,
                                [&](const ReportData& seed) {
                                  return test_value_at(seed, run.name, ends.epoch, &EpochMetrics::test_accuracy);
                                }))
        .mean;
  };
  return *std::max_element(runs.begin(), runs.end(),
                           [&](const SweepRun& a, const SweepRun& b) { return accuracy(a) < accuracy(b); });
}

// `ends` holds the baseline, at least one later branch and at least one seed, also below.
Claim speed_claim(const EqualEnds& ends, Claim claim) {
  const SweepRun& baseline = ends.runs.front();
  // The epochs until the run first reaches the baseline's final accuracy; infinite if it never does.
  const auto epochs_of = [&](const ReportData& seed, const SweepRun& run) {
    const double goal = *test_value_at(seed, baseline.name, ends.epoch, &EpochMetrics::test_accuracy);
    return epoch_reaching(seed, run.name, goal).value_or(INFINITY);
  };
  // `early`, `late`: how many evaluation intervals earlier than observed the baseline, or the run, reached it.
  const auto speeds_of = [&](const SweepRun& run, double early = 0, double late = 0) {
    return by_seed(ends.seeds, [&](const ReportData& seed) {
      return (epochs_of(seed, baseline) - early * evaluation_interval(seed, baseline.name)) /
             (epochs_of(seed, run) - late * evaluation_interval(seed, run.name));
    });
  };
  const auto is_slower = [&](const SweepRun& a, const SweepRun& b) {
    return statistic_of(speeds_of(a)).mean < statistic_of(speeds_of(b)).mean;
  };
  const SweepRun& best = *std::max_element(ends.runs.begin() + 1, ends.runs.end(), is_slower);
  const std::vector<double> speeds = speeds_of(best);
  MeanTest fastest = test_mean(speeds);
  fastest.low = std::min(fastest.low, test_mean(speeds_of(best, 1, 0)).low);
  const std::vector<double> at_most = speeds_of(best, 0, 1);
  fastest.high = at_most.size() == speeds.size() ? std::max(fastest.high, test_mean(at_most).high) : INFINITY;
  const auto never = std::count(speeds.begin(), speeds.end(), 0.0);
  if (never == std::ssize(speeds)) {
    claim.measured = "no later decay reaches it";
  } else {
    const auto epochs = by_seed(ends.seeds, [&](const ReportData& seed) { return epochs_of(seed, baseline); });
    claim.measured = fmt::format(
        "decay at {:g} (the fastest of {}) is there {} times as fast as decay at {:g}, which is there after {:.3g} "
        "epochs; epochs are known to an evaluation interval, {:g}, which the interval allows for",
        *best.fork_epoch, ends.runs.size() - 1, with_interval(fastest, 2), *baseline.fork_epoch,
        statistic_of(epochs).mean, evaluation_interval(*ends.seeds.front(), baseline.name));
    if (never > 0)
      claim.measured += fmt::format("; never in {}, 0 times", of_seeds(static_cast<std::size_t>(never), speeds.size()));
  }
  claim.estimate = fastest;
  claim.unit = "times as fast";
  claim.verdict = verdict_of(fastest, 1, kFaster);
  return claim;
}

Claim gain_claim(const EqualEnds& ends, Claim claim) {
  const SweepRun& baseline = ends.runs.front();
  const auto faultless = std::ranges::count_if(ends.seeds, [&](const ReportData* seed) {
    return test_value_at(*seed, baseline.name, ends.epoch, &EpochMetrics::test_accuracy) == 1.0;
  });
  if (faultless > 0) {
    claim.measured =
        fmt::format("decay at {:g}, the baseline, makes no error on the test images in {}", *baseline.fork_epoch,
                    of_seeds(static_cast<std::size_t>(faultless), ends.seeds.size()));
    return claim;
  }
  const SweepRun& best = best_of(ends, std::span(ends.runs).subspan(1));
  const auto change = [&](bool of_error) {
    return by_seed(ends.seeds, [&](const ReportData& seed) -> std::optional<double> {
      const auto late = test_value_at(seed, best.name, ends.epoch, &EpochMetrics::test_accuracy),
                 early = test_value_at(seed, baseline.name, ends.epoch, &EpochMetrics::test_accuracy);
      return 100 * (*late - *early) / (of_error ? 1 - *early : *early);
    });
  };
  const MeanTest error = test_mean(change(true));
  claim.measured = fmt::format(
      "decay at {:g} (the best of {}) against {:g}: {} % of the test error, {} % of the accuracy, {} points",
      *best.fork_epoch, ends.runs.size() - 1, *baseline.fork_epoch, with_interval(error, 1),
      with_interval(test_mean(change(false)), 1),
      with_interval(
          test_mean(differences(ends.seeds, best.name, baseline.name, ends.epoch, &EpochMetrics::test_accuracy)), 2));
  claim.estimate = error;
  claim.unit = "% of the test error";
  claim.verdict = verdict_of(error, 0, kGain);
  return claim;
}

std::vector<Claim> baseline_claims(const Results& results) {
  Claim faster{"faster", "Late decay reaches the accuracy of early decay in half the epochs", "", Verdict::kNotTested};
  Claim gain{"gain", "Late decay gains 15 % over early decay", "", Verdict::kNotTested};
  const EqualEnds ends = equal_ends(results);
  if (ends.runs.size() < 2) {
    faster.measured = gain.measured = "fewer than two branches to compare";
    return {faster, gain};
  }
  if (ends.seeds.empty()) {
    faster.measured = gain.measured = not_evaluated(ends);
    return {faster, gain};
  }
  return {speed_claim(ends, faster), gain_claim(ends, gain)};
}

// Returns nothing if the main path has no average.
std::optional<Claim> averaging_claim(const Results& results) {
  const std::vector<SweepRun> runs = sweep_of(results);
  const auto average =
      std::find_if(runs.begin(), runs.end(), [](const SweepRun& run) { return run.name == average_name(kMainRun); });
  if (average == runs.end()) return std::nullopt;
  Claim claim{"averaging", "(Not the paper's) Late decay does better than averaging the main path's weights", "",
              Verdict::kNotTested};
  if (!std::isfinite(average->end_epoch)) {
    claim.measured = "the average has not ended";
    return claim;
  }
  const EqualEnds ends = equal_ends(results, average->end_epoch);
  if (ends.runs.empty()) {
    claim.measured = "no branch that decayed before the average ended";
    return claim;
  }
  const SweepRun& best = best_of(ends, ends.runs);
  const auto against_average = [&](TestMetric metric) {
    return test_mean(differences(ends.seeds, best.name, average->name, ends.epoch, metric));
  };
  const MeanTest accuracy = against_average(&EpochMetrics::test_accuracy);
  if (accuracy.count == 0) {
    claim.measured = fmt::format("the average and a branch were not both evaluated at epoch {:g}", ends.epoch);
    return claim;
  }
  claim.measured =
      fmt::format("decay at {:g} (the best of {}) against the average: {} points ({}), {} nats; at epoch {:g}",
                  *best.fork_epoch, ends.runs.size(), with_interval(accuracy, 2), p_text(accuracy),
                  with_interval(against_average(&EpochMetrics::test_loss), 4), ends.epoch);
  claim.estimate = accuracy;
  claim.unit = "points";
  claim.verdict = verdict_of(accuracy, 0, 0);
  return claim;
}

// Names the branches that are not compared and those that diverged in some seed; empty if there are none.
std::string left_out(const Results& results) {
  const DecaySweep sweep = decay_sweep(results);
  std::string text;
  if (!sweep.left_out.empty())
    text = fmt::format("; left out, with another schedule or forking where another does: {}",
                       fmt::join(sweep.left_out, ", "));
  if (!sweep.one_schedule) text += "; the branches' schedules differ, not their decay times alone";
  const std::size_t all = results.seeds.size();
  for (const SweepRun& run : sweep_of(results)) {
    if (!run.fork_epoch || is_average(run.name) || run.num_diverged == 0) continue;
    text +=
        fmt::format("; {} diverged{}: left out{}", run.name, all > 1 ? " in " + of_seeds(run.num_diverged, all) : "",
                    run.num_diverged < all ? " there" : "");
  }
  return text;
}

// The claims that compare branches.
std::vector<Claim> branch_claims(const Results& results) {
  std::vector<Claim> out = {
      trend_claim(results, accuracy_trend(),
                  {"later-accuracy", "Later decay gives a higher test accuracy", "", Verdict::kNotTested}),
      trend_claim(results, loss_trend(),
                  {"later-loss", "Later decay gives a lower test loss", "", Verdict::kNotTested}),
      trend_claim(results, {gap_at_end, "nats", -1, 4},
                  {"later-gap", "Later decay shrinks the gap between test and train loss", "", Verdict::kNotTested})};
  for (Claim& claim : baseline_claims(results)) out.push_back(std::move(claim));
  if (std::optional<Claim> claim = averaging_claim(results)) out.push_back(std::move(*claim));
  return out;
}

// Appends the number of seeds to claims that rest on fewer seeds than there are.
void tell_fewer_seeds(std::size_t all, std::vector<Claim>* claims) {
  for (Claim& claim : *claims) {
    const auto count = static_cast<std::size_t>(claim.estimate.count);
    if (count > 0 && count < all) claim.measured += "; " + of_seeds(count, all);
  }
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSupported:
      return "supported";
    case Verdict::kWeaker:
      return "weaker than claimed";
    case Verdict::kSizeUndecided:
      return "direction supported, size undecided";
    case Verdict::kContradicted:
      return "not supported";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kNotTested:
      return "not tested";
  }
  return "";
}

std::vector<Claim> claims_of(const Results& results) {
  std::vector<Claim> out = valley_claims(results), branches = branch_claims(results);
  for (std::vector<Claim>* claims : {&out, &branches}) tell_fewer_seeds(results.seeds.size(), claims);
  const std::string others = left_out(results);
  for (Claim& claim : branches) {
    claim.measured += others;
    out.push_back(std::move(claim));
  }
  return out;
}

}  // namespace thalweg

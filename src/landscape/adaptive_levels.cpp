#include "landscape/adaptive_levels.h"

#include <algorithm>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr double kFailure = 0.05;          // failure probability of an estimated point's interval
constexpr double kErrorsOfFailure = 1.96;  // half width of such an interval, in standard errors
constexpr double kGoal = 0.75;             // of the tolerance: half width at which sampling stops
constexpr double kSmallDoubt = 0.75;       // of the tolerance: up to this doubt points are interpolated
constexpr double kWorthOfFinerPoint = 2;   // point samples that a node saves per point of the next level
constexpr double kLeastWorth = 1;          // worth from which a point's single images are kept

}  // namespace

AdaptiveLevels::AdaptiveLevels(MapRun& run, int pass) : run_(run), levels_(run.levels()), pass_(pass) {
  for (std::size_t s = 0; s < run.evaluator().splits().size(); ++s)
    splits_.push_back({LevelValues(levels_), ImageGuess(levels_), 0});
  if (pass == 0) return;
  for (const auto& [point, record] : run.journal().points()) {
    const std::optional<AdaptivePoint::Audit> audit = read(record).audit;
    if (audit && audit->violated && audit->pass < pass) violators_.push_back(point);
  }
}

double AdaptiveLevels::tolerance(std::size_t s) const {
  const Tolerance asked = parse_tolerance(run_.config().tolerance);
  const double range = splits_[s].values.range();
  return asked.relative && range > 0 ? asked.value * range : asked.value;
}

bool AdaptiveLevels::is_evaluated(std::size_t point) const {
  const auto found = run_.journal().points().find(point);
  return found != run_.journal().points().end() && found->second.values[0] != static_cast<double>(Cell::kInterpolated);
}

void AdaptiveLevels::evaluate() {
  for (level_ = 0; level_ < levels_.count(); ++level_) evaluate_level();
}

void AdaptiveLevels::evaluate_level() {
  for (std::size_t s = 0; s < splits_.size(); ++s) splits_[s].goal = tolerance(s) / (1 << pass_);
  suspects_.clear();
  for (const std::size_t point : violators_) {
    if (level_ == 0 || levels_.level_of(point) < level_) continue;
    for (const std::size_t corner : levels_.corners(point, level_ - 1)) suspects_.insert(corner);
  }
  std::vector<std::size_t> missing;
  for (const std::size_t point : levels_.points(level_)) {
    if (is_evaluated(point) ? is_outdated(point) : is_wanted(point)) missing.push_back(point);
  }
  const std::string pass = pass_ == 0 ? "" : fmt::format(", pass {}", pass_ + 1);
  run_.evaluate_points_again(fmt::format("landscape: level {} of {}{}", level_ + 1, levels_.count(), pass), missing,
                             [this](std::size_t point) { return to_journal(evaluate_point(point)); });
  for (const std::size_t point : levels_.points(level_)) take(point);
  for (Split& split : splits_) split.values.close(level_);
}

AdaptivePoint AdaptiveLevels::read(const Journal::Point& record) const {
  return adaptive_point(record, num_splits(), run_.num_classes());
}

bool AdaptiveLevels::is_outdated(std::size_t point) const {
  if (pass_ == 0) return false;
  const AdaptivePoint record = this->point(point);
  return record.cell != Cell::kExact && record.pass < pass_;
}

bool AdaptiveLevels::is_wanted(std::size_t point) const {
  if (level_ == 0) return true;
  for (const std::size_t corner : levels_.corners(point, level_ - 1)) {
    if (suspects_.count(corner) != 0) return true;
  }
  return std::any_of(splits_.begin(), splits_.end(), [&](const Split& split) {
    return !(split.values.doubt(point, level_ - 1) <= kSmallDoubt * split.goal);
  });
}

AdaptivePoint AdaptiveLevels::point(std::size_t point) const {
  AdaptivePoint out{Cell::kInterpolated, {}, std::vector<std::string>(num_splits()), pass_, 0, std::nullopt};
  const auto found = run_.journal().points().find(point);
  if (found != run_.journal().points().end()) out = read(found->second);
  if (out.cell != Cell::kInterpolated) return out;
  out.splits.clear();
  for (const Split& split : splits_) out.splits.push_back(split.values[point]);
  return out;
}

AdaptivePoint AdaptiveLevels::evaluate_point(std::size_t point) {
  AdaptivePoint out = this->point(point);
  out.cell = Cell::kExact;
  out.pass = pass_;
  out.evaluations += static_cast<double>(run_.evaluator().statistics_images());
  for (std::size_t s = 0; s < num_splits(); ++s) {
    if (out.splits[s].images == split(s).images.size()) continue;  // made exact by an earlier pass
    if (level_ > 0 && estimate(point, s, out))
      out.cell = Cell::kEstimated;
    else
      evaluate_all(s, out);
  }
  return out;
}

void AdaptiveLevels::evaluate_all(std::size_t s, AdaptivePoint& out) const {
  const ImageLosses all = run_.evaluator().evaluate(split(s));
  out.splits[s] = exact_estimate(all, split(s).labels, run_.num_classes());
  out.images[s] = level_ == 0 || worth_of_node() >= kLeastWorth ? to_bytes({all}) : "";
  out.evaluations += static_cast<double>(split(s).images.size());
}

// Estimates the split's values by a sample. Returns false if that would take so many images that evaluating all of them
// pays off.
bool AdaptiveLevels::estimate(std::size_t point, std::size_t s, AdaptivePoint& out) {
  GuessSample sample(guessed(point, s), draws(point, s, Purpose::kEstimate));
  if (!sample.has_guess()) return false;
  const std::optional<double> half_width = sample.draw_to(kGoal * splits_[s].goal, kFailure, 1 + worth_of_node());
  out.evaluations += static_cast<double>(sample.size());
  if (!half_width) return false;
  out.splits[s] = sample.estimate();
  out.splits[s].values[kLoss].standard_error = *half_width / kErrorsOfFailure;
  return true;
}

// What a node on this level saves on the next one, in units of one point's samples.
double AdaptiveLevels::worth_of_node() const {
  if (level_ + 1 == levels_.count()) return 0;
  return kWorthOfFinerPoint * static_cast<double>(levels_.points(level_ + 1).size()) /
         static_cast<double>(levels_.points(level_).size());
}

GuessSample::Point AdaptiveLevels::guessed(std::size_t point, std::size_t s) {
  return {run_.evaluator(), split(s), splits_[s].guess.at(point), run_.num_classes()};
}

StratifiedSample::Name AdaptiveLevels::draws(std::size_t point, std::size_t s, Purpose purpose) const {
  const auto which = 1 + static_cast<std::uint32_t>(s) + 2 * static_cast<std::uint32_t>(purpose) +
                     8 * static_cast<std::uint32_t>(pass_);
  return {static_cast<std::uint64_t>(run_.config().seed), static_cast<std::uint32_t>(point), which};
}

void AdaptiveLevels::take(std::size_t point) {
  if (!is_evaluated(point)) {
    for (Split& split : splits_) split.values.interpolate_at(point);
    return;
  }
  const AdaptivePoint record = this->point(point);
  for (std::size_t s = 0; s < num_splits(); ++s) {
    const SplitEstimate& value = record.splits[s];
    splits_[s].values.set(point, value);
    if (record.images[s].empty()) continue;
    KeptImages images = std::move(from_bytes(record.images[s], {value.images}).front());
    splits_[s].guess.add(point, {std::move(images), value});
  }
}

void AdaptiveLevels::fill(Surface& surface) const {
  if (level_ == 0) return;
  std::vector<std::size_t> gaps = run_.all_points();
  std::erase_if(gaps, [&](std::size_t point) { return is_evaluated(point); });
  for (const std::size_t point : gaps) {
    surface.values["cell"][point] = static_cast<double>(Cell::kInterpolated);
    if (surface.has(kFellBack)) surface.values[kFellBack][point] = 0;
  }
  for (std::size_t s = 0; s < num_splits(); ++s) {
    const LevelValues& known = splits_[s].values;
    std::vector<std::vector<double>> values(gaps.size());
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      const bool is_finer = levels_.level_of(gaps[i]) >= level_;
      append(values[i], is_finer ? known.interpolate(gaps[i], level_ - 1) : known[gaps[i]]);
    }
    const std::vector<std::string> names = estimate_names(split(s).name, run_.num_classes());
    for (std::size_t k = 0; k < names.size(); ++k) {
      double* const of_name = layer(surface, names[k]);
      for (std::size_t i = 0; i < gaps.size(); ++i) of_name[gaps[i]] = values[i][k];
    }
  }
}

}  // namespace thalweg

#include "landscape/adaptive_certificate.h"

#include <algorithm>
#include <cmath>

#include "landscape/audit_sample.h"
#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

constexpr std::int64_t kAudited = 81;  // points, at least log(0.05 / kPasses) / log(0.95 + 0.05 kFailure)
constexpr double kFailure = 0.01;
constexpr double kConfidence = 0.95;

using Verdict = BettingSample::Verdict;

class Audit {
 public:
  Audit(MapRun& run, AdaptiveLevels& levels, int pass) : run_(run), levels_(levels), pass_(pass) {}

  Certificate make() {
    const std::vector<std::size_t> points = choose();
    std::vector<std::size_t> todo = points;
    std::erase_if(todo, [&](std::size_t point) { return is_done(levels_.point(point)); });
    run_.evaluate_points_again("landscape: audit", todo,
                               [this](std::size_t point) { return to_journal(audited(point)); });
    Certificate out{points.size(), 0, std::vector<double>(levels_.num_splits(), 0)};
    for (const std::size_t point : points) {
      const AdaptivePoint record = levels_.point(point);
      out.violations += record.audit->violated;
      for (std::size_t s = 0; s < out.largest_deviation.size(); ++s)
        out.largest_deviation[s] = std::max(out.largest_deviation[s], record.audit->deviations[s]);
    }
    return out;
  }

 private:
  bool is_done(const AdaptivePoint& point) const { return point.audit && point.audit->pass == pass_; }

  std::vector<std::size_t> choose() const {
    std::vector<std::size_t> points = run_.all_points();
    std::erase_if(points, [&](std::size_t point) {
      return levels_.is_evaluated(point) &&
             run_.journal().points().at(point).values[0] == static_cast<double>(Cell::kExact);
    });
    const auto all = static_cast<std::int64_t>(points.size());
    StratifiedSample sample(
        one_stratum(all), {1.0},
        {static_cast<std::uint64_t>(run_.config().seed), static_cast<std::uint32_t>(pass_), kAuditedPoints});
    std::vector<std::size_t> chosen;
    for (const std::int64_t k : sample.grow(std::min(kAudited, all)))
      chosen.push_back(points[static_cast<std::size_t>(k)]);
    return chosen;
  }

  AdaptivePoint audited(std::size_t point) {
    AdaptivePoint record = levels_.point(point);
    record.audit = AdaptivePoint::Audit{pass_, {}, false};
    record.evaluations += static_cast<double>(run_.evaluator().statistics_images());
    for (std::size_t s = 0; s < levels_.num_splits(); ++s) {
      const bool is_exact = record.splits[s].images == levels_.split(s).images.size();
      const Verdict verdict = is_exact ? Verdict{} : judge(point, s, record);
      record.audit->deviations.push_back(verdict.deviation);
      record.audit->violated = record.audit->violated || verdict.violated;
    }
    return record;
  }

  Verdict judge(std::size_t point, std::size_t s, AdaptivePoint& record) {
    const double value = record.splits[s].loss().mean, tolerance = levels_.tolerance(s);
    const GuessSample::Point guessed = levels_.guessed(point, s);
    if (std::isfinite(guessed_mean(guessed.guess))) {
      AuditSample sample(guessed, levels_.draws(point, s, AdaptiveLevels::Purpose::kAudit), tolerance);
      const std::optional<Verdict> verdict = sample.judge(value, kFailure);
      record.evaluations += static_cast<double>(sample.images());
      if (verdict) return *verdict;
    }
    const LandscapeSplit& split = levels_.split(s);
    const double deviation = std::abs(mean_loss(run_.evaluator().evaluate(split)) - value);
    record.evaluations += static_cast<double>(split.images.size());
    return {deviation, !(deviation <= tolerance)};
  }

  MapRun& run_;
  AdaptiveLevels& levels_;
  int pass_;
};

}  // namespace

Certificate audit_levels(MapRun& run, AdaptiveLevels& levels, int pass) {
  return Audit(run, levels, pass).make();
}

nlohmann::json describe(const Certificate& certificate, const MapRun& run, const AdaptiveLevels& levels, int pass) {
  std::size_t exact = 0, estimated = 0;
  double evaluations = 0;
  for (const auto& [point, record] : run.journal().points()) {
    exact += record.values[0] == static_cast<double>(Cell::kExact);
    estimated += record.values[0] == static_cast<double>(Cell::kEstimated);
    evaluations += adaptive_point(record, levels.num_splits(), run.num_classes()).evaluations;
  }
  const auto all = static_cast<double>(run.evaluator().images_per_point() + run.evaluator().statistics_images());
  nlohmann::json out = {{"exact_points", exact},
                        {"estimated_points", estimated},
                        {"interpolated_points", run.grid().size() - exact - estimated},
                        {"confidence", kConfidence},
                        {"audited", certificate.audited},
                        {"violations", certificate.violations},
                        {"certified", certificate.violations == 0},
                        {"passes", pass + 1},
                        {"image_evaluations", evaluations},
                        {"image_evaluations_of_an_exact_map", all * static_cast<double>(run.grid().size())}};
  for (std::size_t s = 0; s < levels.num_splits(); ++s) {
    out["tolerance"][levels.split(s).name] = levels.tolerance(s);
    out["largest_deviation"][levels.split(s).name] = certificate.largest_deviation[s];
  }
  return {{"adaptive", out}};
}

}  // namespace thalweg

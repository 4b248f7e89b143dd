#include "landscape/audit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/error.h"
#include "base/rng.h"
#include "landscape/sampling.h"
#include "landscape/split_summary.h"
#include "nn/eager.h"

namespace thalweg {
namespace {

constexpr std::int64_t kCentreImages = 32;
constexpr std::int64_t kAuditImages = 2000;
constexpr double kSmallestLoss = 1e-3;  // nats: the least denominator of a relative deviation
// The relative tolerances at the centre. A wrong plan, layout or fold changes the loss by a considerable fraction;
// rounding does not.
constexpr double kCentreTolerance = 1e-3;
constexpr double kReducedTolerance = 5e-2;

std::vector<std::int64_t> first_images(std::int64_t n) {
  std::vector<std::int64_t> images(static_cast<std::size_t>(n));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

double eager_loss(const PointEvaluator& evaluator, const PointEvaluator::Source& source, const LandscapeSplit& split,
                  std::int64_t n) {
  const at::NoGradGuard no_grad;
  const Graph& graph = source.graph;
  const at::Tensor logits =
      run_eager(graph, graph.parameters.views(source.plane.origin.to(source.device)),
                graph.buffers.views(evaluator.buffers().clone()), split.images.range(0, n), NormMode::kEval);
  return at::cross_entropy_loss(logits.to(at::kDouble), split.images.labels().narrow(0, 0, n)).item<double>();
}

double tolerance_of(const LandscapeConfig& config) {
  return config.precision == at::kFloat ? kCentreTolerance : kReducedTolerance;
}

// The evaluation of the origin recorded in the plane; null if there is none.
nlohmann::json own_evaluation(const PointEvaluator::Source& source) {
  return source.plane.provenance.value("origin_final", nlohmann::json());
}

bool are_its_images(const PointEvaluator::Source& source) {
  return source.plane.provenance.value("data_digest", std::string()) == source.data.digest;
}

// The reason why the origin is not compared with a checkpoint; empty if it is.
std::string no_checkpoint(const PointEvaluator::Source& source) {
  if (source.plane.provenance.value("origin", nlohmann::json()) == "mean")
    return "the origin is the mean of snapshots, which is not a checkpoint";
  if (!own_evaluation(source).is_object())
    return "the losses of the weights at the origin are not known from an earlier evaluation";
  return are_its_images(source) ? "" : "the weights at the origin were evaluated on other images";
}

// The configuration of a checkpoint's own evaluation: all images, float32, its own statistics. Uses those of the map's
// splits of which the map takes all images or, if there are none, the smaller split, so it never costs more than an
// exact point.
LandscapeConfig checkpoint_config(const PointEvaluator::Source& source, const LandscapeConfig& config) {
  const ImageSet &train = source.data.train, &test = source.data.test;
  const auto takes_all = [](bool is_mapped, std::int64_t images, const ImageSet& set) {
    return is_mapped && (images == 0 || images == set.size());
  };
  LandscapeConfig own;
  own.bn = BnMode::kOrigin;
  own.train = takes_all(config.train, config.train_images, train);
  own.test = takes_all(config.test, config.test_images, test);
  if (!own.train && !own.test) (train.size() < test.size() ? own.train : own.test) = true;
  return own;
}

// The points that people look at (the best ones and the middle), and random ones.
std::vector<std::size_t> audited_points(const MapRun& run) {
  const std::size_t size = run.grid().size();
  const auto wanted = std::min(static_cast<std::size_t>(run.config().audit_points), size);
  std::set<std::size_t> points;
  const auto add = [&](std::size_t point) {
    if (points.size() < wanted) points.insert(point);
  };
  for (const LandscapeSplit& split : run.evaluator().splits()) {
    const std::size_t loss = run.value(split.name + "_loss");
    std::size_t best = size;
    for (const auto& [point, record] : run.journal().points()) {
      if (!std::isfinite(record.values[loss])) continue;
      if (best == size || record.values[loss] < run.journal().points().at(best).values[loss]) best = point;
    }
    if (best < size) add(best);
  }
  add(run.grid().middle());
  Philox random(static_cast<std::uint64_t>(run.config().seed), RngPurpose::kSample, 0, kComparedPoints);
  while (points.size() < wanted) add(random.below(static_cast<std::uint32_t>(size)));
  return {points.begin(), points.end()};
}

double deviation(double reduced, double full) {
  if (!std::isfinite(reduced) || !std::isfinite(full))
    return std::isfinite(reduced) == std::isfinite(full) ? 0 : INFINITY;
  return std::abs(reduced - full) / std::max(std::abs(full), kSmallestLoss);
}

std::int64_t num_audited(const LandscapeSplit& split) {
  return std::min(kAuditImages, split.images.size());
}

std::vector<std::int64_t> audited_images(const LandscapeSplit& split, std::int64_t num_classes, std::int64_t seed) {
  return class_sample(split.labels, num_classes, kAuditImages,
                      {static_cast<std::uint64_t>(seed), split.name == "test", kComparedImages});
}

}  // namespace

void check_kernels(PointEvaluator& evaluator, const PointEvaluator::Source& source, const LandscapeConfig& config) {
  // With per-batch statistics there is no network that plain arithmetic could evaluate.
  if (config.bn == BnMode::kBatch && source.graph.has_batch_norm()) return;
  evaluator.prepare({{0, 0}});
  evaluator.use(0);
  for (const LandscapeSplit& split : evaluator.splits()) {
    const std::int64_t n = std::min(kCentreImages, split.images.size());
    const double loss = mean_loss(evaluator.evaluate(split, first_images(n)));  // decides which statistics are used
    const double expected = eager_loss(evaluator, source, split, n);
    if (!std::isfinite(expected) && !std::isfinite(loss)) continue;
    check(std::abs(loss - expected) <= tolerance_of(config) * std::max(expected, kSmallestLoss),
          "at the plane's origin the evaluator gives a {} loss of {:.7g}, but plain arithmetic gives {:.7g} on the "
          "same {} images, so no map is made; run `thalweg doctor` to check the kernels",
          split.name, loss, expected, n);
  }
}

void check_checkpoint(const PointEvaluator::Source& source, const LandscapeConfig& config) {
  if (!no_checkpoint(source).empty()) return;
  PointEvaluator evaluator({source.plane, source.graph, source.data, source.device}, checkpoint_config(source, config),
                           at::kFloat);
  evaluator.prepare({{0, 0}});
  evaluator.use(0);
  for (const LandscapeSplit& split : evaluator.splits()) {
    const nlohmann::json own = own_evaluation(source).value(split.name + "_loss", nlohmann::json());
    if (!own.is_number()) continue;
    const double loss = mean_loss(evaluator.evaluate(split)), expected = own.get<double>();
    check(std::abs(loss - expected) <= kCentreTolerance * std::max(expected, kSmallestLoss),
          "at the plane's origin the {} loss is {:.6g}, but the checkpoint there had {:.6g} when it was evaluated: the "
          "plane, the data or the program has changed since; make the plane again",
          split.name, loss, expected);
  }
}

std::int64_t checkpoint_images(const PointEvaluator::Source& source, const LandscapeConfig& config) {
  if (!no_checkpoint(source).empty()) return 0;
  const LandscapeConfig own = checkpoint_config(source, config);
  return (own.train ? source.data.train.size() : 0) + (own.test ? source.data.test.size() : 0);
}

nlohmann::json checkpoint_note(const PointEvaluator::Source& source, const LandscapeConfig& config) {
  if (const std::string why = no_checkpoint(source); !why.empty()) return {{"none", why}};
  const LandscapeConfig own = checkpoint_config(source, config);
  nlohmann::json note;
  for (const auto& [split, is_compared] : {std::pair("train", own.train), {"test", own.test}}) {
    const nlohmann::json loss = own_evaluation(source).value(std::string(split) + "_loss", nlohmann::json());
    if (is_compared && loss.is_number()) note[std::string(split) + "_loss"] = loss;
  }
  return note;
}

nlohmann::json audit_precision(MapRun& run, PointEvaluator& reference) {
  const std::vector<std::size_t> points = audited_points(run);
  nlohmann::json audit = {{"precision", to_json(run.config()).at("precision")},
                          {"points", points.size()},
                          {"limit", run.config().max_deviation}};
  std::map<std::string, std::vector<std::int64_t>> images;
  for (const LandscapeSplit& split : run.evaluator().splits()) {
    images[split.name] = audited_images(split, run.num_classes(), run.config().seed);
    audit["images"][split.name] = images[split.name].size();
    audit["largest_deviation"][split.name] = audit["largest_difference"][split.name] = 0.0;
  }
  run.visit_points("landscape: audit", points, [&](std::size_t point) {
    reference.prepare({run.at(point)});
    reference.use(0);
    for (std::size_t s = 0; s < reference.splits().size(); ++s) {
      const LandscapeSplit& split = run.evaluator().splits()[s];
      const std::vector<std::int64_t>& some = images.at(split.name);
      const double reduced = mean_loss(run.evaluator().evaluate(split, some)),
                   full = mean_loss(reference.evaluate(reference.splits()[s], some)), found = deviation(reduced, full);
      nlohmann::json& difference = audit["largest_difference"][split.name];
      if (std::isfinite(reduced) && std::isfinite(full))
        difference = std::max(difference.get<double>(), std::abs(reduced - full));
      if (found < audit["largest_deviation"][split.name].get<double>()) continue;
      audit["largest_deviation"][split.name] = found;
      audit["at"][split.name] = {run.at(point).first, run.at(point).second};
    }
  });
  return audit;
}

std::int64_t audit_images(const std::vector<LandscapeSplit>& splits) {
  std::int64_t images = 0;
  for (const LandscapeSplit& split : splits) images += num_audited(split);
  return images;
}

std::string excess_of(const nlohmann::json& audit) {
  for (const auto& [split, deviation] : audit.at("largest_deviation").items()) {
    if (!(deviation.get<double>() <= audit.at("limit").get<double>())) return "deviation";
  }
  const nlohmann::json limits = audit.value("difference_limit", nlohmann::json::object());
  for (const auto& [split, limit] : limits.items()) {
    if (audit.at("largest_difference").at(split).get<double>() > limit.get<double>()) return "difference";
  }
  return "";
}

}  // namespace thalweg

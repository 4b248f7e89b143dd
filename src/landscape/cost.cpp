#include "landscape/cost.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "landscape/audit.h"
#include "landscape/journal.h"
#include "landscape/point_evaluator.h"
#include "landscape/sampled_split.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

constexpr std::int64_t kTimedChunks = 4;
constexpr double kLeastSeconds = 0.3;        // for which points are timed
constexpr double kFastImage = 1e-4;          // seconds
constexpr std::int64_t kTimedSample = 4000;  // images: gathering more than caches hold takes longer
constexpr std::int64_t kGoodSample = 500;
constexpr std::int64_t kSmallestSample = 100;
constexpr int kSmallestSide = 11;
constexpr std::size_t kSmallestUnseen = 128;  // images; with fewer, shared work takes too little time to count

template <typename Work>
double seconds_of(const Work& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// The time of a point without shared work. For an image, that work takes as long as at kParts points in float32, in
// which it is done.
PointTime unshared(const PointTime& time) {
  return {time.fixed, time.per_image + time.shared / FirstLayer::kParts};
}

// The images [begin, end) of a split, as far as it has them.
std::vector<std::int64_t> images_between(const LandscapeSplit& split, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> images;
  for (std::int64_t image = begin; image < std::min(end, split.images.size()); ++image) images.push_back(image);
  return images;
}

// The first `count` images of a split, starting over if it has fewer.
std::vector<std::int64_t> cycled_images(const LandscapeSplit& split, std::int64_t count) {
  std::vector<std::int64_t> images(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::int64_t>(i) % split.images.size();
  return images;
}

// What an image of a sample takes in addition to `per_image`; 0 for networks beside which this is nothing.
double time_of_sampling(PointEvaluator& evaluator, const LandscapeConfig& config, std::int64_t num_classes,
                        double per_image) {
  if (config.bn == BnMode::kBatch || config.mode() == MapMode::kAdaptive || per_image > kFastImage) return 0;
  const LandscapeSplit& split = evaluator.splits().front();
  LandscapeConfig sampled = config;
  sampled.images = std::min(std::max(kTimedChunks * evaluator.chunk(), kTimedSample), split.images.size());
  if (config.images > 0) sampled.images = std::min(sampled.images, config.images);
  const auto all = static_cast<std::size_t>(split.images.size());
  const ImageLosses blank{std::vector<double>(all), std::vector<std::int32_t>(all), std::vector<float>(all)};
  const SampledSplit sample(
      split, num_classes,
      {from_bytes(to_bytes({blank}), {split.images.size()}).front(), exact_estimate(blank, split.labels, num_classes)},
      sampled);
  sample.estimate(evaluator);  // does the work that points share
  std::vector<double> times;
  for (int k = 0; k < 3; ++k) times.push_back(seconds_of([&] { sample.estimate(evaluator); }));
  return std::max(median(times) / static_cast<double>(sampled.images) - per_image, 0.0);
}

// An engine makes weights and statistics only when images are requested. Their time is therefore the time of a first
// chunk minus that of the same chunk again.
PointTime time_points(PointEvaluator& evaluator, const LandscapeConfig& config, std::int64_t num_classes,
                      const std::vector<PlaneCoordinates>& points) {
  const LandscapeSplit& split = evaluator.splits().front();
  const bool whole = config.bn == BnMode::kBatch;  // cannot be divided
  const auto evaluate = [&](const std::vector<std::int64_t>& images) {
    const ImageLosses values = whole ? evaluator.evaluate(split) : evaluator.evaluate(split, images);
    summarise(values, whole ? split.labels : labels_of(split, images), num_classes);
  };
  const auto begin = [&](const PlaneCoordinates& point, const std::vector<std::int64_t>& images) {
    evaluator.prepare({point});
    evaluator.use(0);
    evaluate(images);
  };
  // One-time work is not part of the map's cost: plans are timed in the first run, and an engine's graphs are captured
  // in the second. Running out of memory may have reduced the chunk by then.
  for (int k = 0; k < (evaluator.may_fall_back() ? 2 : 1); ++k)
    begin(points[0], cycled_images(split, kTimedChunks * evaluator.chunk()));
  const std::vector<std::int64_t> chunk = cycled_images(split, evaluator.chunk());
  const std::vector<std::int64_t> chunks = cycled_images(split, kTimedChunks * evaluator.chunk());
  const double timed = static_cast<double>(whole ? split.images.size() : static_cast<std::int64_t>(chunks.size()));
  double shared = 0;
  const auto seen = static_cast<std::int64_t>(chunks.size());
  const std::vector<std::int64_t> unseen = images_between(split, seen, 2 * seen);
  if (evaluator.shared_macs() > 0 && unseen.size() >= kSmallestUnseen) {
    const double first = seconds_of([&] { evaluator.evaluate(split, unseen); });
    const double again = seconds_of([&] { evaluator.evaluate(split, unseen); });
    shared = std::max(first - again, 0.0) / static_cast<double>(unseen.size());
  }
  std::vector<double> fixed, evaluation;
  const auto start = Clock::now();
  do {
    for (const PlaneCoordinates& point : points) {
      const double first = seconds_of([&] { begin(point, chunk); });
      const double again = seconds_of([&] { evaluate(chunk); });
      fixed.push_back(std::max(first - again, 0.0));
      evaluation.push_back(whole ? again : seconds_of([&] { evaluate(chunks); }));
    }
  } while (seconds_since(start) < kLeastSeconds);
  return {median(fixed), median(evaluation) / timed, shared};
}

// The time that a map spends on checking itself.
double checking_seconds(const MapCost& cost) {
  return cost.audit_points * (cost.time.fixed + cost.float32.fixed) +
         cost.audit_images * (cost.time.per_image + cost.float32.per_image) +
         cost.checkpoint_images * cost.float32.per_image;
}

}  // namespace

void to_json(nlohmann::json& json, const MapCost& cost) {
  json = {{"points", cost.points},
          {"images", cost.images},
          {"of_exact_map", cost.of_exact_map},
          {"at_most", cost.at_most},
          {"checkpoint_images", cost.checkpoint_images},
          {"audit_points", cost.audit_points},
          {"audit_images", cost.audit_images},
          {"flops", cost.flops},
          {"fixed_seconds_per_point", cost.time.fixed},
          {"seconds_per_image", cost.time.per_image},
          {"shared_seconds_per_image", cost.time.shared},
          {"float32_fixed_seconds_per_point", cost.float32.fixed},
          {"float32_seconds_per_image", cost.float32.per_image},
          {"seconds", cost.seconds},
          {"measuring_seconds", cost.measuring_seconds},
          {"memory_mb", cost.memory_mb}};
}

MapCost measure_cost(const Plane& plane, const LandscapeConfig& config, const MapContext& context) {
  const auto start = Clock::now();
  const Grid grid = map_grid(plane, config);
  const auto points = static_cast<double>(grid.size());
  const PointEvaluator::Source source{plane, context.graph, context.data, context.device};
  // An engine would search for the best batching of so many points.
  const bool shares = !takes_engine(config.precision, context.device);
  PointEvaluator evaluator({plane, context.graph, context.data, context.device, {}, shares ? points : 0}, config,
                           config.precision);
  const PlaneCoordinates middle = grid.at(grid.middle());
  MapCost cost;
  cost.time =
      time_points(evaluator, config, context.graph.num_classes(), {middle, grid.at(0), grid.at(grid.size() - 1)});
  cost.time.sample = time_of_sampling(evaluator, config, context.graph.num_classes(), cost.time.per_image);
  cost.float32 = unshared(cost.time);
  cost.points = static_cast<std::int64_t>(grid.size());
  // A sampled map evaluates all images at one point, its reference, without shared work.
  const bool has_reference = config.mode() == MapMode::kSampled;
  const double at_point = images_at_point(config, evaluator),
               whole = has_reference ? static_cast<double>(evaluator.images_per_point()) : 0;
  const double others = (has_reference ? points - 1 : points) * at_point;
  cost.images = whole + others;
  cost.checkpoint_images = static_cast<double>(checkpoint_images(source, config));
  if (config.precision != at::kFloat) {
    PointEvaluator reference(source, config, at::kFloat);
    cost.float32 = time_points(reference, config, context.graph.num_classes(), {middle});
    cost.audit_points = std::min(static_cast<double>(config.audit_points), points);
    cost.audit_images = cost.audit_points * static_cast<double>(audit_images(evaluator.splits()));
  }
  cost.at_most = config.standard_error > 0;
  cost.of_exact_map = cost.at_most || config.mode() == MapMode::kAdaptive;
  const double forward_passes = cost.images + cost.checkpoint_images + 2 * cost.audit_images +
                                (points + 2 * cost.audit_points) * static_cast<double>(evaluator.statistics_images());
  const auto shared_macs = static_cast<double>(evaluator.shared_macs());
  cost.flops = 2 * (static_cast<double>(forward_macs(context.graph)) * forward_passes -
                    shared_macs * (others - FirstLayer::kParts * at_point));
  const double reference_seconds = whole * unshared(cost.time).per_image;
  if (has_reference) cost.time.per_image += std::exchange(cost.time.sample, 0);
  cost.seconds = points * cost.time.fixed + reference_seconds + others * cost.time.per_image +
                 at_point * cost.time.shared + checking_seconds(cost);
  cost.measuring_seconds = seconds_since(start);
  cost.memory_mb = peak_memory_mb(context.device);
  return cost;
}

double parse_duration(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(result.ptr, text.data() + text.size());
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (result.ec != std::errc() || factor == 0 || !(value > 0) || !std::isfinite(value))
    fail_usage("a time is given as 60s, 5m or 1.5h; got '{}'", text);
  return factor * value;
}

void check_budget(const LandscapeConfig& config) {
  if (config.mode() != MapMode::kExact || config.image_losses)
    fail_usage(
        "with a budget, the number of images is chosen automatically: leave out images, stderr, tolerance and "
        "image_losses");
}

LandscapeConfig fit_budget(const LandscapeConfig& config, const MapCost& exact, double seconds) {
  check_budget(config);
  LandscapeConfig fitted = config;
  fitted.budget = seconds;
  fitted.budget_grid = config.grid;
  const double left = seconds - exact.measuring_seconds;
  if (exact.seconds <= left) return fitted;
  if (config.bn == BnMode::kBatch)
    fail_usage("bn mode \"batch\" needs all images, which takes {}: use a larger budget or another bn mode",
               format_duration(std::ceil(exact.seconds)));
  const auto splits = static_cast<double>(config.train + config.test);
  const double reference =
      exact.images / static_cast<double>(exact.points) * unshared(exact.time).per_image + checking_seconds(exact);
  // The images per split that the time allows with this many points.
  const auto affordable = [&](double points) {
    return ((left - reference) / points - exact.time.fixed) /
           (splits * (exact.time.per_image + exact.time.sample + exact.time.shared / points));
  };
  const auto [nx, ny] = parse_grid_size(config.grid);
  auto [width, height] = std::pair(nx, ny);
  while (affordable(static_cast<double>(width) * height) < static_cast<double>(kGoodSample) &&
         std::max(width, height) > kSmallestSide) {
    const int side = std::max(width, height) - 1;
    width = std::max(1, static_cast<int>(std::lround(static_cast<double>(nx) * side / std::max(nx, ny))));
    height = std::max(1, static_cast<int>(std::lround(static_cast<double>(ny) * side / std::max(nx, ny))));
  }
  const double num_points = static_cast<double>(width) * height, images = affordable(num_points);
  if (!(images >= static_cast<double>(kSmallestSample))) {
    const double least =
        reference +
        num_points * (exact.time.fixed + splits * kSmallestSample * (exact.time.per_image + exact.time.sample)) +
        splits * kSmallestSample * exact.time.shared;
    fail_usage(
        "a budget of {:.3g} s is too small: measuring the speed took {:.3g} s, and {} x {} points with {} images of "
        "each split take {} on this device",
        seconds, exact.measuring_seconds, width, height, kSmallestSample, format_duration(std::ceil(least)));
  }
  fitted.grid = fmt::format("{}x{}", width, height);
  fitted.images = static_cast<std::int64_t>(images);
  return fitted;
}

std::optional<LandscapeConfig> begun_within_budget(const std::filesystem::path& journal, const LandscapeConfig& config,
                                                   double seconds) {
  nlohmann::json begun;
  try {
    begun = read_journal_header(journal);
  } catch (const Error&) {  // torn or damaged, which the map handles when it opens the journal
  }
  if (begun.is_null()) return std::nullopt;
  const nlohmann::json landscape = begun.value("landscape", nlohmann::json::object());
  check(landscape.value("budget", 0.0) == seconds && landscape.value("budget_grid", "") == config.grid,
        "{}: the map started there has another --budget or --grid, or no budget; remove the file, choose another "
        "--out, or continue with the settings that the map was started with",
        journal.string());
  LandscapeConfig fitted = config;
  fitted.budget = seconds;
  fitted.budget_grid = config.grid;
  fitted.grid = landscape.at("grid").get<std::string>();
  fitted.images = landscape.at("images").get<std::int64_t>();
  return fitted;
}

}  // namespace thalweg

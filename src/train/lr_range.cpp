#include "train/lr_range.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/memory.h"
#include "base/stop.h"
#include "io/atomic_file.h"
#include "io/cache_folder.h"
#include "nn/init.h"
#include "train/out_of_memory.h"
#include "train/run_conv_plans.h"
#include "train/splits.h"
#include "train/step.h"

namespace thalweg {
namespace {

constexpr double kSmoothing = 0.95;
constexpr double kDivergence = 4;
constexpr char kColumns[] = "lr,loss,smoothed_loss\n";

LrRange take_steps(const RunSpec& spec, const RunContext& context, const LrRangeConfig& config,
                   const std::function<void(const LrRangePoint&)>& report) {
  const Splits splits(context.graph, context.data, context.device);
  TrainStep training(context.graph, splits.train(), spec.train, spec.seed,
                     fresh_state(initial_weights(context.graph, spec.seed), initial_buffers(context.graph)));
  share_plans(training.conv_plans(), spec, cache_folder());
  const auto run_step = [&](double lr) {
    try {
      return training.run(lr).item<double>();
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      throw StepOutOfMemory(
          fmt::format("lr-range: out of memory with a batch of {} ({})", spec.train.batch, first_line(error.what())));
    }
  };
  LrRange result;
  double mean = 0, weight = 0, best = INFINITY;
  for (std::int64_t k = 0; k < config.steps && !result.diverged && !stop_requested(); ++k) {
    LrRangePoint point;
    const double progress = config.steps > 1 ? static_cast<double>(k) / static_cast<double>(config.steps - 1) : 0.0;
    point.lr = config.low * std::pow(config.high / config.low, progress);
    point.loss = run_step(point.lr);
    mean = kSmoothing * mean + (1 - kSmoothing) * point.loss;
    weight = kSmoothing * weight + (1 - kSmoothing);
    point.smoothed = mean / weight;
    best = std::min(best, point.smoothed);
    result.diverged = !(point.smoothed <= kDivergence * best);
    result.points.push_back(point);
    report(point);
  }
  return result;
}

}  // namespace

LrRange test_lr_range(const RunSpec& spec, const RunContext& context, const LrRangeConfig& config,
                      const std::function<void(const LrRangePoint&)>& report) {
  try {
    return take_steps(spec, context, config, report);
  } catch (const StepOutOfMemory& error) {
    fail("{}. {}", error.what(), smaller_step_advice(context.graph, spec.train, free_memory(context.device)));
  }
}

std::optional<LrSuggestion> suggest_lr(const std::vector<LrRangePoint>& points) {
  LrSuggestion out;
  double steepest = 0, lowest = INFINITY;
  // A tenth of the points on each side: the first smoothed losses average few batches, and slopes between neighbours
  // are noise.
  const std::size_t reach = std::max<std::size_t>(points.size() / 10, 1);
  for (std::size_t i = reach; i < points.size(); ++i) {
    if (points[i].smoothed < lowest) lowest = points[i].smoothed, out.lowest = points[i].lr;
    if (i + reach >= points.size()) continue;
    const LrRangePoint &before = points[i - reach], &after = points[i + reach];
    const double slope = (after.smoothed - before.smoothed) / std::log(after.lr / before.lr);
    if (slope < steepest) steepest = slope, out.steepest = points[i].lr;
  }
  if (steepest == 0) return std::nullopt;
  return out;
}

std::string lr_range_csv(const std::vector<LrRangePoint>& points) {
  const auto cell = [](double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); };
  std::string text = kColumns;
  for (const LrRangePoint& point : points)
    text += fmt::format("{},{},{}\n", cell(point.lr), cell(point.loss), cell(point.smoothed));
  return text;
}

void check_lr_range_csv(const std::filesystem::path& file) {
  check(file_begins_with(file, kColumns), "{} is not the table of an LR range test", file.string());
}

}  // namespace thalweg

#include "train/out_of_memory.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace thalweg {
namespace {

// Weights, gradient, two moments and a copy: at most what a step keeps of the length of the weights.
constexpr double kStateVectors = 5;

bool fits(std::int64_t images, double bytes_per_image, double room) {
  return static_cast<double>(images) * bytes_per_image <= 0.9 * room;
}

}  // namespace

double step_bytes_per_image(const Graph& graph) {
  double values = 0;
  for (const Node& node : graph.nodes) values += static_cast<double>(node.shape[0] * node.shape[1] * node.shape[2]);
  return values * sizeof(float);
}

std::int64_t smaller_batch(std::int64_t batch, double bytes_per_image, double room) {
  std::int64_t smaller = batch / 2;
  while (smaller > 1 && !fits(smaller, bytes_per_image, room)) smaller /= 2;
  return std::max<std::int64_t>(smaller, 1);
}

std::string settings_for_slice(const TrainConfig& train, std::int64_t slice) {
  return fmt::format(
      "--set train.batch={}, or --set train.accumulate={}, which keeps the batch and computes it in slices, each with "
      "batch statistics of its own",
      slice * train.accumulate, (train.batch + slice - 1) / slice);
}

std::string smaller_step_advice(const Graph& graph, const TrainConfig& train, double free) {
  const std::int64_t slice = (train.batch + train.accumulate - 1) / train.accumulate;
  if (slice == 1) return "Not even one image fits: use a smaller network";
  const double state = kStateVectors * sizeof(float) * static_cast<double>(graph.parameters.size());
  const double room = free - state, per_image = step_bytes_per_image(graph);
  const std::int64_t smaller = smaller_batch(slice, per_image, room);
  const char* how = !std::isfinite(room)             ? "Try {} images at a time: {}"
                    : fits(smaller, per_image, room) ? "{} images at a time should fit (an estimate): {}"
                                                     : "By an estimate not even one image fits; try {} at a time: {}";
  return fmt::format(fmt::runtime(how), smaller, settings_for_slice(train, smaller));
}

}  // namespace thalweg

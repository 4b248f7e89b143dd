#include "train/out_of_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <c10/cuda/CUDACachingAllocator.h>

namespace thalweg {

double step_bytes_per_image(const Graph& graph) {
  double values = 0;
  for (const Node& node : graph.nodes) values += static_cast<double>(node.shape[0] * node.shape[1] * node.shape[2]);
  return values * sizeof(float);
}

std::int64_t smaller_batch(std::int64_t batch, double bytes_per_image, double room) {
  std::int64_t smaller = batch / 2;
  while (smaller > 1 && static_cast<double>(smaller) * bytes_per_image > 0.9 * room) smaller /= 2;
  return std::max<std::int64_t>(smaller, 1);
}

std::string smaller_step_advice(const TrainConfig& train, double bytes_per_image, double room) {
  const std::int64_t slice = (train.batch + train.accumulate - 1) / train.accumulate;
  if (slice == 1) return "Not even one image fits: use a smaller network";
  const std::int64_t smaller = smaller_batch(slice, bytes_per_image, room);
  return fmt::format(
      "{}: --set train.batch={}, or --set train.accumulate={}, which keeps the batch and computes it in slices, each "
      "with batch statistics of its own",
      std::isfinite(room) ? fmt::format("{} images at a time should fit (an estimate)", smaller)
                          : fmt::format("Try {} images at a time", smaller),
      smaller * train.accumulate, (train.batch + smaller - 1) / smaller);
}

double room_for_step(c10::Device device) {
  if (device.is_cpu()) return std::numeric_limits<double>::infinity();
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return std::numeric_limits<double>::infinity();
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(std::max<c10::DeviceIndex>(device.index(), 0));
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(free) +
         static_cast<double>(stats.reserved_bytes.at(all).current - stats.allocated_bytes.at(all).current);
}

}  // namespace thalweg

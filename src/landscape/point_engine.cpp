#include "landscape/point_engine.h"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/stream.h"
#include "nn/images.h"

namespace thalweg {
namespace {

// Tensor cores read eight channels at once; the images have three.
constexpr std::int64_t kChannelMultiple = 8;

// All images of the split, with the last one repeated to fill up the last chunk, so that every chunk uses the same
// plans.
at::Tensor resident_images(const ImageBatches& images, std::int64_t chunk, const Program& program,
                           at::ScalarType type) {
  const std::int64_t size = (images.size() + chunk - 1) / chunk * chunk;
  const at::Tensor indices = at::arange(size, images.labels().options()).clamp_max_(images.size() - 1);
  return images.gather(indices, type, program.input_channels);
}

}  // namespace

PointEngine::PointEngine(const Source& source, ConvPlans* plans, const Batching& batching)
    : source_(source),
      program_(compile(source.graph, {.channel_multiple = kChannelMultiple})),
      plane_(program_, source.plane),
      plans_(plans),
      batching_(batching) {}

void PointEngine::release() {
  lanes_.clear();
  lane_source_.reset();
  built_.reset();
  if (source_.device.is_cuda()) c10::cuda::CUDACachingAllocator::emptyCache();
}

void PointEngine::build(const Batching& batching) {
  if (built_ == batching) return;
  release();
  lane_source_ = std::make_unique<LaneSource>(LaneSource{.graph = source_.graph,
                                                         .program = program_,
                                                         .plane = plane_,
                                                         .splits = source_.splits,
                                                         .resident = {},
                                                         .plane_buffers = source_.plane_buffers,
                                                         .bn_images = source_.bn_images,
                                                         .device = source_.device,
                                                         .type = source_.type,
                                                         .chunk = batching.chunk,
                                                         .small_batches = source_.small_batches,
                                                         .plans = plans_});
  for (const LandscapeSplit& split : source_.splits)
    lane_source_->resident.push_back(resident_images(split.images, batching.chunk, program_, source_.type));
  for (int k = 0; k < batching.lanes; ++k) lanes_.push_back({std::make_unique<PointLane>(*lane_source_), std::nullopt});
  built_ = batching;
}

void PointEngine::within_memory(const std::function<void()>& work) {
  run_within_memory(
      batching_,
      [&](const Batching& batching) {
        build(batching);
        work();
      },
      [this] { release(); });
}

void PointEngine::expect(const std::vector<PlaneCoordinates>& points, bool ahead) {
  points_ = points;
  ahead_ = ahead;
  for (Lane& lane : lanes_) lane.point.reset();
}

PointLane& PointEngine::lane_with(std::size_t point) {
  Lane& lane = lanes_[point % lanes_.size()];
  if (lane.point != point) {
    lane.point.reset();  // begin may throw
    lane.lane->begin(points_.at(point));
    lane.point = point;
  }
  return *lane.lane;
}

// Begins this point and the following ones, one per lane, as far as it is known what will be requested of them.
void PointEngine::begin_from(std::size_t point) {
  const std::size_t end = std::min(points_.size(), point + lanes_.size());
  for (std::size_t next = point; next < end; ++next) {
    PointLane& lane = lane_with(next);
    if (!ahead_) continue;
    for (std::size_t s = 0; s < source_.splits.size(); ++s) lane.start(s);
  }
}

PointValues PointEngine::all(std::size_t point, std::size_t split) {
  PointValues values;
  within_memory([&] {
    begin_from(point);
    values = lane_with(point).all(split);
  });
  return values;
}

PointValues PointEngine::some(std::size_t point, std::size_t split, const std::vector<std::int64_t>& images) {
  PointValues values;
  within_memory([&] {
    begin_from(point);
    values = lane_with(point).some(split, images);
  });
  return values;
}

at::Tensor PointEngine::buffers(std::size_t point) {
  at::Tensor buffers;
  within_memory([&] { buffers = lane_with(point).buffers(); });
  return buffers;
}

std::string PointEngine::refusal() const {
  for (const Lane& lane : lanes_) {
    if (!lane.lane->refusal().empty()) return lane.lane->refusal();
  }
  return "";
}

ConvPlans start_plans(const ConvPlanOptions& options) {
  const std::unique_lock lock = capture_lock();
  return ConvPlans::on_current_gpu(options);
}

Batching search_batching(const PointEngine::Source& source) {
  if (!source.device.is_cuda()) return {default_chunk(source.device), 1};
  ConvPlans plans = start_plans({});
  const auto seconds = [&](const Batching& batching) {
    PointEngine engine(source, &plans, batching);
    // A lane runs its work directly the first time and captures it the second time.
    const auto lanes = static_cast<std::size_t>(batching.lanes);
    const auto seconds_of = [&](std::size_t points) {
      const auto start = Clock::now();
      engine.expect(std::vector<PlaneCoordinates>(points), true);
      for (std::size_t point = 0; point < points; ++point) {
        for (std::size_t s = 0; s < source.splits.size(); ++s) engine.all(point, s);
      }
      return seconds_since(start);
    };
    seconds_of(2 * lanes);
    const double time = seconds_of(2 * lanes) / static_cast<double>(2 * lanes);
    // It may have continued with a smaller batching.
    return engine.batching() == batching ? time : std::numeric_limits<double>::infinity();
  };
  return fastest_batching({256, 512, 1024, 2048}, {2, 1, 4}, seconds);
}

}  // namespace thalweg

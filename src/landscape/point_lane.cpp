#include "landscape/point_lane.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/stream.h"

namespace thalweg {
namespace {

// The keys of the captured graphs.
constexpr std::int64_t kWeights = 0;
constexpr std::int64_t kWholeSplit = 1;   // + split
constexpr std::int64_t kNamed = 1 << 10;  // + split, + 4 * images

// The largest activation allowed in a watched chunk: an eighth of the largest float16, 65504. In a whole split only the
// first chunk is watched, and the factor is headroom for the others. Likewise for bfloat16, whose range is that of
// float32.
constexpr float kLargestHalf = 65504.0f / 8;
constexpr float kLargestBfloat16 = 1e37f;

// Batches of named images have few different sizes, since each size has plans of its own.
std::int64_t batch_for(std::int64_t images, const LaneSource& source) {
  if (!source.small_batches) return source.chunk;
  std::int64_t size = 128;
  while (size < images) size *= 4;
  return std::min(size, source.chunk);
}

void append(ImageLosses& to, const ImageLosses& more) {
  to.losses.insert(to.losses.end(), more.losses.begin(), more.losses.end());
  to.correct.insert(to.correct.end(), more.correct.begin(), more.correct.end());
  to.margins.insert(to.margins.end(), more.margins.begin(), more.margins.end());
}

at::TensorOptions host_options(at::ScalarType type, c10::Device device) {
  return at::TensorOptions(type).pinned_memory(device.is_cuda());
}

}  // namespace

struct PointLane::Stream {
  explicit Stream(c10::Device device) : stream(c10::cuda::getStreamFromPool(false, device.index())) {}
  c10::cuda::CUDAStream stream;
  c10::cuda::CUDAEvent done;  // recorded after the latest work
};

// Directs work to the lane's stream during its lifetime.
class PointLane::OnStream {
 public:
  explicit OnStream(const PointLane& lane) {
    if (lane.stream_) guard_.reset_stream(lane.stream_->stream);
  }

 private:
  c10::cuda::OptionalCUDAStreamGuard guard_;
};

PointLane::PointLane(const LaneSource& source)
    : source_(source),
      evaluator_(source.program, source.device, source.type, source.plans),
      statistics_(std::in_place, source.graph, source.device, source.type, source.plans),
      graphs_(source.device, /*capture=*/true) {
  const at::TensorOptions on_device(source.device);
  coordinates_ = at::zeros({1, 2}, on_device.dtype(at::kFloat));
  host_coordinates_ = at::zeros({1, 2}, host_options(at::kFloat, source.device));
  folded_ = at::zeros({1, source.program.folded_size}, on_device.dtype(source.type));
  buffers_ = source.plane_buffers.clone();
  overflowed_ = at::zeros({1}, on_device.dtype(at::kInt));
  indices_ = at::zeros({source.chunk}, on_device.dtype(at::kLong));
  for (const LandscapeSplit& split : source.splits) results_.push_back(make_results(split.images.size()));
  named_ = make_results(source.chunk);
  evaluator_.load(folded_[0]);
  if (!source.device.is_cuda()) return;
  stream_ = std::make_unique<Stream>(source.device);
  // The tensors above were filled on another stream.
  c10::cuda::device_synchronize();
}

PointLane::~PointLane() {
  // Freeing the memory must wait for work in flight, which after an exception may include work that `done` does not
  // cover.
  try {
    if (stream_) stream_->stream.synchronize();
  } catch (const std::exception&) {
    // There is nothing to wait for on a lost GPU, and LibTorch cannot take pinned memory back: it would throw from a
    // destructor. The memory is leaked.
    new auto(std::move(results_));
    new auto(std::move(named_));
    new auto(std::move(host_coordinates_));
  }
}

PointLane::Results PointLane::make_results(std::int64_t count) const {
  Results results;
  results.values = empty_values(count, at::TensorOptions(source_.device));
  results.host =
      source_.device.is_cuda() ? empty_values(count, host_options(at::kFloat, source_.device)) : results.values;
  results.overflowed = at::zeros({1}, host_options(at::kInt, source_.device));
  return results;
}

void PointLane::wait() const {
  if (stream_) stream_->done.synchronize();
}

void PointLane::begin(const PlaneCoordinates& point) {
  const at::NoGradGuard no_grad;
  wait();  // the pinned coordinates may still be read
  host_coordinates_[0][0] = static_cast<float>(point.first);
  host_coordinates_[0][1] = static_cast<float>(point.second);
  for (Results& results : results_) results.started = false;
  const OnStream on(*this);
  coordinates_.copy_(host_coordinates_, /*non_blocking=*/true);
  graphs_.run(kWeights, [this] { make_weights(); });
  if (stream_) stream_->done.record(stream_->stream);
}

void PointLane::make_weights() {
  overflowed_.zero_();
  if (source_.bn_images.defined()) buffers_.copy_(measure_statistics());
  source_.plane.fold_into(folded_, coordinates_, buffers_, overflowed_);
}

// The first call, which is not captured, shows whether cuDNN has plans for all convolutions.
at::Tensor PointLane::measure_statistics() {
  const at::Tensor weights = source_.plane.weights(coordinates_)[0];
  try {
    return statistics_->measure(weights, source_.bn_images);
  } catch (const Error& error) {
    if (!source_.plans || !refusal_.empty() || is_out_of_memory(error) || is_capturing()) throw;
    refusal_ = error.what();
  }
  if (stream_) stream_->stream.synchronize();  // the allocator ties the memory freed next to another stream
  statistics_.emplace(source_.graph, source_.device, source_.type);
  return statistics_->measure(weights, source_.bn_images);
}

void PointLane::start(std::size_t split) {
  Results& results = results_[split];
  if (results.started) return;
  const at::NoGradGuard no_grad;
  const OnStream on(*this);
  graphs_.run(kWholeSplit + static_cast<std::int64_t>(split), [&] { evaluate_split(split); });
  fetch(results, results.values.losses.size(0));
  results.started = true;
}

void PointLane::evaluate_split(std::size_t split) {
  const ImageBatches& images = source_.splits[split].images;
  const at::Tensor& resident = source_.resident[split];
  const Evaluator::Watch watch{overflowed_, source_.type == at::kHalf ? kLargestHalf : kLargestBfloat16};
  for (std::int64_t begin = 0; begin < images.size(); begin += source_.chunk) {
    const std::int64_t end = std::min(images.size(), begin + source_.chunk);
    evaluator_.losses(resident.narrow(0, begin, source_.chunk), images.labels().slice(0, begin, end),
                      slice(results_[split].values, begin, end), begin == 0 ? &watch : nullptr);
  }
}

// Copies the first `count` results to the host.
void PointLane::fetch(Results& results, std::int64_t count) {
  if (!stream_) {
    results.overflowed.copy_(overflowed_);
    return;
  }
  const ImageValues from = slice(results.values, 0, count), to = slice(results.host, 0, count);
  to.losses.copy_(from.losses, true);
  to.correct.copy_(from.correct, true);
  to.margins.copy_(from.margins, true);
  results.overflowed.copy_(overflowed_, true);
  stream_->done.record(stream_->stream);
}

PointValues PointLane::all(std::size_t split) {
  start(split);
  wait();
  const Results& results = results_[split];
  return {to_losses(results.host), results.overflowed.const_data_ptr<std::int32_t>()[0] != 0};
}

PointValues PointLane::some(std::size_t split, const std::vector<std::int64_t>& images) {
  const at::NoGradGuard no_grad;
  PointValues out;
  const auto total = static_cast<std::int64_t>(images.size());
  for (std::int64_t begin = 0; begin < total; begin += source_.chunk) {
    const std::int64_t count = std::min(source_.chunk, total - begin), size = batch_for(count, source_);
    std::vector<std::int64_t> batch(images.begin() + begin, images.begin() + begin + count);
    batch.resize(static_cast<std::size_t>(size), batch.back());
    const OnStream on(*this);
    indices_.narrow(0, 0, size).copy_(at::tensor(batch, at::kLong));
    const std::int64_t key = kNamed + static_cast<std::int64_t>(split) + 4 * size;
    graphs_.run(key, [&] { evaluate_named(split, size); });
    fetch(named_, count);
    wait();
    append(out.images, to_losses(slice(named_.host, 0, count)));
    out.overflowed = named_.overflowed.const_data_ptr<std::int32_t>()[0] != 0;
  }
  return out;
}

void PointLane::evaluate_named(std::size_t split, std::int64_t count) {
  const ImageBatches& images = source_.splits[split].images;
  const at::Tensor indices = indices_.narrow(0, 0, count);
  const Evaluator::Watch watch{overflowed_, source_.type == at::kHalf ? kLargestHalf : kLargestBfloat16};
  evaluator_.losses(images.gather(indices, source_.type, source_.program.input_channels),
                    images.labels().index_select(0, indices), slice(named_.values, 0, count), &watch);
}

// Waits for the copy, so that it is complete before the lane's stream continues.
at::Tensor PointLane::buffers() const {
  wait();
  at::Tensor copy = buffers_.clone();
  if (stream_) c10::cuda::getCurrentCUDAStream(source_.device.index()).synchronize();
  return copy;
}

}  // namespace thalweg

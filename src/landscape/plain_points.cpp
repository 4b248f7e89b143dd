#include "landscape/plain_points.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include "nn/eager.h"
#include "nn/evaluate.h"

namespace thalweg {
namespace {

// For the layer's weights and the parts of all images. Enough for 60,000 images of CIFAR-10 and 1,418 units.
constexpr double kLargestLayer = 1 << 30;  // bytes

// Empty if points are not to share its work. Does not depend on free memory, so that a map resumes to the same bits
// (but see within_memory).
std::optional<FirstLayer> shared_first_layer(const PlainPoints::Source& source, const Program& program) {
  const std::optional<FirstLayer::Size> size = FirstLayer::size_of(program);
  if (!size || !(source.points > FirstLayer::kParts)) return std::nullopt;
  std::int64_t images = 0;
  for (const LandscapeSplit& split : source.splits) images += split.images.size();
  const std::int64_t floats = FirstLayer::kParts * size->units * (images + size->inputs);
  if (sizeof(float) * static_cast<double>(floats) > kLargestLayer) return std::nullopt;
  return FirstLayer(program, source.plane);
}

}  // namespace

PlainPoints::PlainPoints(const Source& source, const LandscapeConfig& config)
    : config_(config),
      source_(source),
      evaluator_(compile(source.graph), source.device, source.type),
      plane_(evaluator_.program(), source.plane),
      statistics_(source.graph, source.device, source.type),
      first_layer_(shared_first_layer(source_, program())),
      batching_{default_chunk(source.device), lanes()} {}

int PlainPoints::lanes() const {
  if (source_.device.is_cpu()) return 1;
  const std::int64_t bytes =
      4 * (program().folded_size + (source_.bn_images.defined() ? source_.graph.parameters.size() : 0));
  return static_cast<int>(std::clamp<std::int64_t>((256 << 20) / bytes, 1, 16));
}

void PlainPoints::prepare(const std::vector<PlaneCoordinates>& points) {
  const auto count = static_cast<std::int64_t>(points.size());
  const at::Tensor coordinates = at::empty({count, 2}, at::kFloat);
  auto access = coordinates.accessor<float, 2>();
  for (std::int64_t p = 0; p < count; ++p) {
    access[p][0] = static_cast<float>(points[static_cast<std::size_t>(p)].first);
    access[p][1] = static_cast<float>(points[static_cast<std::size_t>(p)].second);
  }
  coordinates_ = coordinates.to(source_.device);
  drop_weights();
}

void PlainPoints::use(std::size_t point) {
  used_ = static_cast<std::int64_t>(point);
  within_memory([](const Batching&) {});
}

void PlainPoints::drop_weights() {
  folded_ = buffers_ = at::Tensor();
  loaded_.reset();
}

void PlainPoints::make_weights(std::int64_t at_once) {
  first_ = used_;
  const at::Tensor coordinates = coordinates_.slice(0, first_, std::min(first_ + at_once, coordinates_.size(0)));
  at::Tensor buffers = source_.plane_buffers;
  if (source_.bn_images.defined()) {
    const at::Tensor all = plane_.weights(coordinates);
    buffers = source_.plane_buffers.repeat({all.size(0), 1});
    for (std::int64_t p = 0; p < all.size(0); ++p) buffers[p].copy_(statistics_.measure(all[p], source_.bn_images));
  }
  folded_ = plane_.folded(coordinates, buffers);
  buffers_ = buffers;
}

void PlainPoints::within_memory(const std::function<void(const Batching&)>& work) {
  run_within_memory(
      batching_,
      [&](const Batching& batching) {
        const bool is_made = folded_.defined() && first_ <= used_ && used_ < first_ + folded_.size(0);
        if (!is_made) {
          drop_weights();
          make_weights(batching.lanes);
        }
        if (!per_batch() && loaded_ != used_) {
          evaluator_.load(folded_[used_ - first_]);
          loaded_ = used_;
        }
        work(batching);
      },
      [this] {
        drop_weights();
        parts_.clear();
        first_layer_.reset();
        if (source_.device.is_cuda()) c10::cuda::CUDACachingAllocator::emptyCache();
      });
}

at::Tensor PlainPoints::weights() const {
  return plane_.weights(coordinates_.narrow(0, used_, 1))[0];
}

at::Tensor PlainPoints::buffers() const {
  return buffers_.dim() == 2 ? buffers_[used_ - first_] : buffers_;
}

Network PlainPoints::network(std::int64_t chunk) const {
  if (!per_batch()) {
    Network network = network_of(evaluator_);
    network.chunk = chunk;
    return network;
  }
  const Graph& graph = source_.graph;
  const std::vector<at::Tensor> parameters = graph.parameters.views(weights());
  const std::vector<at::Tensor> scratch = graph.buffers.views(source_.plane_buffers.clone());
  const auto logits = [&graph, parameters, scratch](const at::Tensor& batch) {
    const at::NoGradGuard no_grad;
    return run_eager(graph, parameters, scratch, batch, NormMode::kEstimate).contiguous();
  };
  return {logits, at::kFloat, config_.bn_images, /*fixed_chunk=*/true};
}

ImageLosses PlainPoints::evaluate_within_memory(const LandscapeSplit& split, Named images) {
  // A batch that uses its own statistics cannot be divided.
  if (per_batch()) return to_losses(evaluate_images_of(split, images, 0));
  ImageLosses losses;
  within_memory([&](const Batching& batching) {
    // A sampled map evaluates all images at one point only.
    const bool by_parts = first_layer_ && (images || config_.mode() != MapMode::kSampled);
    losses = to_losses(by_parts ? evaluate_by_parts(split, images, batching.chunk)
                                : evaluate_images_of(split, images, batching.chunk));
  });
  return losses;
}

ImageValues PlainPoints::evaluate_images_of(const LandscapeSplit& split, Named images, std::int64_t chunk) {
  return evaluate_images(split.images, network(chunk),
                         images ? at::tensor(*images, at::kLong).to(source_.device) : at::Tensor());
}

ImageValues PlainPoints::evaluate_by_parts(const LandscapeSplit& split, Named images, std::int64_t chunk) {
  FirstLayerParts& made = parts_.try_emplace(split.name, *first_layer_, split.images).first->second;
  images ? made.make(*images) : made.make_all();
  const at::Tensor indices = images ? at::tensor(*images, at::kLong).to(source_.device) : at::Tensor();
  const at::Tensor labels = images ? split.images.labels().index_select(0, indices) : split.images.labels();
  const float x = coordinates_[used_][0].item<float>(), y = coordinates_[used_][1].item<float>();
  return evaluate_chunks(labels, even_chunks(labels.size(0), chunk), [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor parts =
        images ? made.parts().index_select(0, indices.slice(0, begin, end)) : made.parts().slice(0, begin, end);
    return evaluator_.logits_after(FirstLayer::kSteps, first_layer_->sum(parts, x, y).to(source_.type));
  });
}

ImageLosses PlainPoints::evaluate(const LandscapeSplit& split) {
  return evaluate_within_memory(split, nullptr);
}

ImageLosses PlainPoints::evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images) {
  if (images.empty()) return {};
  return evaluate_within_memory(split, &images);
}

}  // namespace thalweg

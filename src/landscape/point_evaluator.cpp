#include "landscape/point_evaluator.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/error.h"
#include "nn/eager.h"
#include "nn/evaluate.h"

namespace thalweg {
namespace {

ImageBatches first_images(const ImageSet& set, std::int64_t count, const Normalisation& norm, c10::Device device,
                          const std::string& what) {
  check(count <= set.size(), "{}: {} images asked for, the split has {}", what, count, set.size());
  const std::int64_t n = count == 0 ? set.size() : count;
  return {set.images.narrow(0, 0, n), set.labels.narrow(0, 0, n), norm.mean, norm.std, device};
}

template <typename Value>
std::vector<Value> to_vector(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  const Value* data = host.const_data_ptr<Value>();
  return {data, data + host.numel()};
}

ImageLosses to_losses(const ImageValues& values) {
  return {to_vector<double>(values.losses), to_vector<std::int32_t>(values.correct), to_vector<float>(values.margins)};
}

void check_plane(const Plane& plane, const Graph& graph) {
  check(plane.origin.numel() == graph.parameters.size() && plane.buffers.numel() == graph.buffers.size(),
        "the plane has {} parameters and {} buffers, {} has {} and {}: it was made for another network",
        plane.origin.numel(), plane.buffers.numel(), graph.name, graph.parameters.size(), graph.buffers.size());
}

const Graph& checked_graph(const PointEvaluator::Source& source) {
  check_plane(source.plane, source.graph);
  return source.graph;
}

}  // namespace

PointEvaluator::PointEvaluator(const Source& source, const LandscapeConfig& config, at::ScalarType type)
    : config_(config),
      graph_(checked_graph(source)),
      device_(source.device),
      program_(compile(source.graph)),
      evaluator_(program_, source.device, type),
      plane_(program_, {source.plane.origin.to(source.device), source.plane.d1.to(source.device),
                        source.plane.d2.to(source.device)}),
      plane_buffers_(source.plane.buffers.to(source.device)),
      statistics_(source.graph, source.device, type) {
  const DataSet& data = source.data;
  if (config.train) add_split("train", data.train, data.normalisation, config.train_images);
  if (config.test) add_split("test", data.test, data.normalisation, config.test_images);
  if (recompute()) {
    const ImageBatches subset = first_images(data.train, std::min(config.bn_images, data.train.size()),
                                             data.normalisation, device_, "landscape.bn_images");
    bn_images_ = subset.range(0, subset.size(), type);
  }
}

bool PointEvaluator::recompute() const {
  return config_.bn == BnMode::kRecompute && graph_.has_batch_norm();
}
bool PointEvaluator::per_batch() const {
  return config_.bn == BnMode::kBatch && graph_.has_batch_norm();
}

void PointEvaluator::add_split(const std::string& name, const ImageSet& set, const Normalisation& norm,
                               std::int64_t count) {
  ImageBatches images = first_images(set, count, norm, device_, "landscape." + name + "_images");
  std::vector<std::int64_t> labels = to_vector<std::int64_t>(images.labels());
  splits_.push_back({name, std::move(images), std::move(labels)});
}

std::int64_t PointEvaluator::images_per_point() const {
  std::int64_t images = 0;
  for (const LandscapeSplit& split : splits_) images += split.images.size();
  return images;
}

std::size_t PointEvaluator::points_at_once() const {
  if (device_.is_cpu()) return 1;
  const std::int64_t bytes = 4 * (program_.folded_size + (recompute() ? graph_.parameters.size() : 0));
  return static_cast<std::size_t>(std::clamp<std::int64_t>((256 << 20) / bytes, 1, 16));
}

void PointEvaluator::prepare(const std::vector<PlanePoint2>& points) {
  const auto count = static_cast<std::int64_t>(points.size());
  const at::Tensor coordinates = at::empty({count, 2}, at::kFloat);
  auto access = coordinates.accessor<float, 2>();
  for (std::int64_t p = 0; p < count; ++p) {
    access[p][0] = static_cast<float>(points[static_cast<std::size_t>(p)].first);
    access[p][1] = static_cast<float>(points[static_cast<std::size_t>(p)].second);
  }
  coordinates_ = coordinates.to(device_);
  buffers_ = plane_buffers_;
  if (recompute()) {
    const at::Tensor all = plane_.weights(coordinates_);
    buffers_ = plane_buffers_.repeat({count, 1});
    for (std::int64_t p = 0; p < count; ++p) buffers_[p].copy_(statistics_.measure(all[p], bn_images_));
  }
  folded_ = plane_.folded(coordinates_, buffers_);
}

void PointEvaluator::use(std::size_t point) {
  used_ = static_cast<std::int64_t>(point);
  if (!per_batch()) evaluator_.load(folded_[used_]);
}

at::Tensor PointEvaluator::weights() const {
  return plane_.weights(coordinates_.narrow(0, used_, 1))[0];
}
at::Tensor PointEvaluator::buffers() const {
  return buffers_.dim() == 2 ? buffers_[used_] : buffers_;
}

Network PointEvaluator::network() const {
  if (!per_batch()) return network_of(evaluator_);
  const std::vector<at::Tensor> parameters = graph_.parameters.views(weights());
  const std::vector<at::Tensor> scratch = graph_.buffers.views(plane_buffers_.clone());
  const auto logits = [this, parameters, scratch](const at::Tensor& batch) {
    const at::NoGradGuard no_grad;
    return run_eager(graph_, parameters, scratch, batch, NormMode::kEstimate).contiguous();
  };
  return {logits, at::kFloat, config_.bn_images};
}

ImageLosses PointEvaluator::evaluate(const LandscapeSplit& split) const {
  return to_losses(evaluate_images(split.images, network()));
}

ImageLosses PointEvaluator::evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images) const {
  if (images.empty()) return {};
  const at::Tensor indices = at::tensor(images, at::kLong).to(device_);
  return to_losses(evaluate_images(split.images, network(), indices));
}

}  // namespace thalweg

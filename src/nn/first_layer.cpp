#include "nn/first_layer.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace thalweg {
namespace {

// The number of images in each matrix product. It is always the same, because products of another size round
// differently.
constexpr std::size_t kBatch = 128;

}  // namespace

std::optional<FirstLayer::Size> FirstLayer::size_of(const Program& program) {
  if (program.steps.size() < kSteps) return std::nullopt;
  const Step &flatten = program.steps[0], &linear = program.steps[1];
  if (flatten.kind != StepKind::kFlatten || linear.kind != StepKind::kLinear) return std::nullopt;
  const FoldSegment& s = program.segments[static_cast<std::size_t>(linear.segment)];
  if (s.mean >= 0) return std::nullopt;
  return Size{s.channels, s.rows};
}

FirstLayer::FirstLayer(const Program& program, const PlaneVectors& plane)
    : size_(size_of(program).value()), relu_(program.steps[1].relu) {
  const FoldSegment& s = program.segments[static_cast<std::size_t>(program.steps[1].segment)];
  const auto stacked = [&](std::int64_t offset, std::int64_t numel) {
    return at::cat(
        {plane.origin.narrow(0, offset, numel), plane.d1.narrow(0, offset, numel), plane.d2.narrow(0, offset, numel)});
  };
  weights_ = stacked(s.weight, size_.macs()).view({kParts * size_.units, size_.inputs});
  biases_ = stacked(s.bias, size_.units);
}

at::Tensor FirstLayer::parts(const at::Tensor& images) const {
  const at::NoGradGuard no_grad;
  return at::linear(images.flatten(1), weights_, biases_);
}

at::Tensor FirstLayer::sum(const at::Tensor& parts, float x, float y) const {
  const at::NoGradGuard no_grad;
  const std::int64_t n = size_.units;
  at::Tensor out = at::add(parts.narrow(1, 0, n), parts.narrow(1, n, n), x);
  out.add_(parts.narrow(1, 2 * n, n), y);
  return relu_ ? out.relu_() : out;
}

FirstLayerParts::FirstLayerParts(const FirstLayer& layer, const ImageBatches& images)
    : layer_(layer),
      images_(images),
      parts_(at::empty({images.size(), FirstLayer::kParts * layer.size().units},
                       images.labels().options().dtype(at::kFloat))),
      is_made_(static_cast<std::size_t>(images.size())) {}

void FirstLayerParts::make(const std::vector<std::int64_t>& images) {
  std::vector<std::int64_t> missing;
  std::ranges::copy_if(images, std::back_inserter(missing),
                       [&](std::int64_t image) { return !is_made_[static_cast<std::size_t>(image)]; });
  for (std::size_t begin = 0; begin < missing.size(); begin += kBatch) {
    std::vector<std::int64_t> batch(kBatch, missing.back());
    std::copy_n(missing.begin() + static_cast<std::ptrdiff_t>(begin), std::min(kBatch, missing.size() - begin),
                batch.begin());
    const at::Tensor indices = at::tensor(batch, at::kLong).to(parts_.device());
    const at::Tensor pixels = images_.gather(indices, at::kFloat, 0, at::MemoryFormat::Contiguous);
    parts_.index_copy_(0, indices, layer_.parts(pixels));
    for (const std::int64_t image : batch) is_made_[static_cast<std::size_t>(image)] = true;
  }
}

void FirstLayerParts::make_all() {
  if (all_made_) return;
  std::vector<std::int64_t> all(is_made_.size());
  std::iota(all.begin(), all.end(), 0);
  make(all);
  all_made_ = true;
}

}  // namespace thalweg

#include "nn/images.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/stream.h"

namespace thalweg {
namespace {

at::Tensor empty_batch(const at::Tensor& images, std::int64_t size, at::ScalarType type) {
  return at::empty({size, images.size(1), images.size(2), images.size(3)},
                   images.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace

ImageBatches::ImageBatches(const at::Tensor& images, const at::Tensor& labels, const std::vector<double>& mean,
                           const std::vector<double>& std, c10::Device device)
    : images_(images.contiguous().to(device)), labels_(labels.to(device)) {
  const auto channels = static_cast<std::size_t>(images.size(1));
  check(mean.size() == channels && std.size() == channels,
        "the normalisation has {} means and {} deviations, the images {} channels", mean.size(), std.size(), channels);
  std::vector<float> scale(channels), shift(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    check(std[c] > 0, "the normalisation's deviation of channel {} must be positive, got {}", c, std[c]);
    scale[c] = static_cast<float>(1.0 / (255.0 * std[c]));
    shift[c] = static_cast<float>(-mean[c] / std[c]);
  }
  scale_ = at::tensor(scale).to(device);
  shift_ = at::tensor(shift).to(device);
}

BatchArgs ImageBatches::batch_args(const at::Tensor& indices, std::int64_t size, const at::Tensor& out) const {
  BatchArgs args;
  args.images = images_.const_data_ptr<std::uint8_t>();
  args.labels = labels_.const_data_ptr<std::int64_t>();
  args.indices = indices.const_data_ptr<std::int64_t>();
  args.num_images = size;
  args.channels = static_cast<int>(images_.size(1));
  args.height = static_cast<int>(images_.size(2));
  args.width = static_cast<int>(images_.size(3));
  args.scale = scale_.const_data_ptr<float>();
  args.shift = shift_.const_data_ptr<float>();
  args.type = out.scalar_type() == at::kFloat ? ActivationType::kFloat32 : ActivationType::kBFloat16;
  args.out = out.mutable_data_ptr();
  return args;
}

void ImageBatches::make_batch(const BatchArgs& args) const {
  if (images_.is_cuda()) {
    make_batch_cuda(args, current_stream(images_.device()));
  } else {
    make_batch_cpu(args);
  }
}

at::Tensor ImageBatches::gather(const at::Tensor& indices) const {
  const at::Tensor out = empty_batch(images_, indices.size(0), at::kFloat);
  make_batch(batch_args(indices, indices.size(0), out));
  return out;
}

ImageBatches::TrainingBatch ImageBatches::training_batch(const at::Tensor& order, std::int64_t size,
                                                         const StepControl* control, const TrainingSpec& spec) const {
  TrainingBatch batch;
  batch.images = empty_batch(images_, size, spec.type);
  batch.labels = at::empty({size}, labels_.options());
  BatchArgs args = batch_args(order, size, batch.images);
  args.augment = spec.augment;
  args.seed = spec.seed;
  args.control = control;
  args.mixup = spec.mixup;
  args.out_labels = batch.labels.mutable_data_ptr<std::int64_t>();
  if (spec.mixup) {
    batch.partners = at::empty({size}, labels_.options());
    args.out_partners = batch.partners.mutable_data_ptr<std::int64_t>();
  }
  make_batch(args);
  return batch;
}

at::Tensor ImageBatches::range(std::int64_t begin, std::int64_t end) const {
  return gather(at::arange(begin, end, labels_.options()));
}

LossSums sum_split_losses(const ImageBatches& split, const Network& network, std::int64_t chunk) {
  const std::int64_t n = split.size();
  const at::Tensor losses = at::empty({n}, split.labels().options().dtype(at::kDouble));
  const at::Tensor correct = at::empty({n}, split.labels().options().dtype(at::kInt));
  const bool cuda = losses.is_cuda();
  for (std::int64_t begin = 0; begin < n; begin += chunk) {
    const std::int64_t end = std::min(n, begin + chunk);
    const at::Tensor logits = network(split.range(begin, end));
    LossArgs args;
    args.logits = logits.const_data_ptr<float>();
    args.labels = split.labels().const_data_ptr<std::int64_t>() + begin;
    args.num_images = end - begin;
    args.num_classes = logits.size(1);
    args.losses = losses.mutable_data_ptr<double>() + begin;
    args.correct = correct.mutable_data_ptr<std::int32_t>() + begin;
    if (cuda) {
      image_losses_cuda(args, current_stream(losses.device()));
    } else {
      image_losses_cpu(args);
    }
  }
  const auto* loss = losses.const_data_ptr<double>();
  const auto* right = correct.const_data_ptr<std::int32_t>();
  if (!cuda) return sum_losses_cpu(loss, right, n);
  const at::Tensor sums = at::empty({static_cast<std::int64_t>(sizeof(LossSums))}, losses.options().dtype(at::kByte));
  sum_losses_cuda(loss, right, n, reinterpret_cast<LossSums*>(sums.mutable_data_ptr<std::uint8_t>()),
                  current_stream(losses.device()));
  return *reinterpret_cast<const LossSums*>(sums.cpu().const_data_ptr<std::uint8_t>());
}

std::int64_t default_chunk(c10::Device device) {
  return device.is_cpu() ? 125 : 1000;
}

}  // namespace thalweg

#include "nn/images.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/stream.h"

namespace thalweg {

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

at::Tensor ImageBatches::gather_augmented(const at::Tensor& indices, const AugmentSpec& augment, std::uint64_t seed,
                                          std::int64_t epoch) const {
  const std::int64_t n = indices.size(0);
  const at::Tensor out =
      at::empty({n, images_.size(1), images_.size(2), images_.size(3)},
                at::TensorOptions(at::kFloat).device(images_.device()).memory_format(at::MemoryFormat::ChannelsLast));
  BatchArgs args;
  args.images = images_.const_data_ptr<std::uint8_t>();
  args.indices = indices.const_data_ptr<std::int64_t>();
  args.num_images = n;
  args.channels = static_cast<int>(images_.size(1));
  args.height = static_cast<int>(images_.size(2));
  args.width = static_cast<int>(images_.size(3));
  args.scale = scale_.const_data_ptr<float>();
  args.shift = shift_.const_data_ptr<float>();
  args.augment = augment;
  args.seed = seed;
  args.epoch = static_cast<std::uint32_t>(epoch);
  args.out = out.mutable_data_ptr<float>();
  if (out.is_cuda()) {
    make_batch_cuda(args, current_stream(out.device()));
  } else {
    make_batch_cpu(args);
  }
  return out;
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

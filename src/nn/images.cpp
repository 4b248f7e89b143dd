#include "nn/images.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/stop.h"
#include "base/stream.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

at::Tensor empty_batch(const at::Tensor& images, std::int64_t size, at::ScalarType type, at::MemoryFormat format,
                       std::int64_t channels = 0) {
  return at::empty({size, channels > 0 ? channels : images.size(1), images.size(2), images.size(3)},
                   images.options().dtype(type).memory_format(format));
}

}  // namespace

ImageBatches::ImageBatches(const at::Tensor& images, const at::Tensor& labels, const std::vector<double>& mean,
                           const std::vector<double>& std, c10::Device device)
    : images_(images.contiguous().to(device)), labels_(labels.to(device)) {
  const auto channels = static_cast<std::size_t>(images.size(1));
  check(mean.size() == channels && std.size() == channels,
        "the normalisation has {} means and {} deviations, but the images have {} channels", mean.size(), std.size(),
        channels);
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
  args.out_channels = static_cast<int>(out.size(1));
  args.type = activation_type_of(out);
  args.planar = !out.is_contiguous(at::MemoryFormat::ChannelsLast);
  args.out = out.mutable_data_ptr();
  return args;
}

void ImageBatches::make_batch(const BatchArgs& args) const {
  run_kernel(args, images_.device(), make_batch_cpu, make_batch_cuda);
}

at::Tensor ImageBatches::gather(const at::Tensor& indices, at::ScalarType type, std::int64_t channels,
                                at::MemoryFormat format) const {
  const at::Tensor out = empty_batch(images_, indices.size(0), type, format, channels);
  make_batch(batch_args(indices, indices.size(0), out));
  return out;
}

ImageBatches::TrainingBatch ImageBatches::training_batch(const at::Tensor& order, std::int64_t size,
                                                         const StepControl* control, const TrainingSpec& spec) const {
  TrainingBatch batch;
  batch.images = empty_batch(images_, size, spec.type, spec.format);
  batch.labels = at::empty({size}, labels_.options());
  BatchArgs args = batch_args(order, size, batch.images);
  args.augment = spec.augment;
  args.seed = spec.seed;
  args.control = control;
  args.mixup = spec.mixup;
  args.first = spec.first;
  args.batch_size = spec.batch_size;
  args.out_labels = batch.labels.mutable_data_ptr<std::int64_t>();
  if (spec.mixup) {
    batch.partners = at::empty({size}, labels_.options());
    args.out_partners = batch.partners.mutable_data_ptr<std::int64_t>();
  }
  make_batch(args);
  return batch;
}

at::Tensor ImageBatches::range(std::int64_t begin, std::int64_t end, at::ScalarType type,
                               at::MemoryFormat format) const {
  return gather(at::arange(begin, end, labels_.options()), type, 0, format);
}

ImageValues empty_values(std::int64_t n, const at::TensorOptions& options) {
  return {at::empty({n}, options.dtype(at::kDouble)), at::empty({n}, options.dtype(at::kInt)),
          at::empty({n}, options.dtype(at::kFloat))};
}

void image_losses(const at::Tensor& logits, const at::Tensor& labels, const ImageValues& out) {
  LossArgs args;
  args.logits = logits.const_data_ptr<float>();
  args.labels = labels.const_data_ptr<std::int64_t>();
  args.num_images = labels.size(0);
  args.num_classes = logits.size(1);
  args.losses = out.losses.mutable_data_ptr<double>();
  args.correct = out.correct.mutable_data_ptr<std::int32_t>();
  args.margins = out.margins.mutable_data_ptr<float>();
  run_kernel(args, labels.device(), image_losses_cpu, image_losses_cuda);
}

ImageValues slice(const ImageValues& values, std::int64_t begin, std::int64_t end) {
  return {values.losses.slice(0, begin, end), values.correct.slice(0, begin, end), values.margins.slice(0, begin, end)};
}

std::vector<std::int64_t> fixed_chunks(std::int64_t n, std::int64_t chunk) {
  std::vector<std::int64_t> ends;
  for (std::int64_t begin = 0; begin < n; begin += chunk) ends.push_back(std::min(n, begin + chunk));
  return ends;
}

std::vector<std::int64_t> even_chunks(std::int64_t n, std::int64_t chunk) {
  std::vector<std::int64_t> ends = fixed_chunks(n, chunk);
  const auto count = static_cast<std::int64_t>(ends.size());
  for (std::int64_t k = 0; k < count; ++k) ends[static_cast<std::size_t>(k)] = n * (k + 1) / count;
  return ends;
}

ImageValues evaluate_chunks(const at::Tensor& labels, const std::vector<std::int64_t>& ends,
                            const std::function<at::Tensor(std::int64_t begin, std::int64_t end)>& logits) {
  ImageValues values = empty_values(labels.size(0), labels.options());
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    image_losses(logits(begin, end), labels.slice(0, begin, end), slice(values, begin, end));
    begin = end;
  }
  return values;
}

ImageValues evaluate_images(const ImageBatches& split, const Network& network, const at::Tensor& indices) {
  const bool all = !indices.defined();
  const at::Tensor labels = all ? split.labels() : split.labels().index_select(0, indices);
  const std::vector<std::int64_t> ends =
      network.fixed_chunk ? fixed_chunks(labels.size(0), network.chunk) : even_chunks(labels.size(0), network.chunk);
  return evaluate_chunks(labels, ends, [&](std::int64_t begin, std::int64_t end) {
    if (network.stops && stop_requested())
      throw Stopped("stopped in the middle of an evaluation; run the same command again to repeat it");
    return network.logits(all ? split.range(begin, end, network.type, network.format)
                              : split.gather(indices.slice(0, begin, end), network.type, 0, network.format));
  });
}

LossSums sum_split_losses(const ImageBatches& split, const Network& network) {
  const ImageValues values = evaluate_images(split, network);
  const auto* loss = values.losses.const_data_ptr<double>();
  const auto* right = values.correct.const_data_ptr<std::int32_t>();
  if (!values.losses.is_cuda()) return sum_losses_cpu(loss, right, split.size());
  const at::Tensor sums =
      at::empty({static_cast<std::int64_t>(sizeof(LossSums))}, values.losses.options().dtype(at::kByte));
  sum_losses_cuda(loss, right, split.size(), reinterpret_cast<LossSums*>(sums.mutable_data_ptr<std::uint8_t>()),
                  current_stream(values.losses.device()));
  return *reinterpret_cast<const LossSums*>(sums.cpu().const_data_ptr<std::uint8_t>());
}

std::int64_t default_chunk(c10::Device device) {
  return device.is_cpu() ? 125 : 1000;
}

}  // namespace thalweg

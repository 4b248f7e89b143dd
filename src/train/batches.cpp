#include "train/batches.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "base/normal.h"

namespace thalweg {
namespace {

// Draws from Gamma(shape, 1) by Marsaglia & Tsang (2000); a shape below 1 through Gamma(shape + 1) * u^(1 / shape).
double gamma_variate(NormalStream& normal, Philox& uniform, double shape) {
  if (shape < 1) return gamma_variate(normal, uniform, shape + 1) * std::pow(uniform.uniform(), 1 / shape);
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal.next();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(uniform.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

at::Tensor epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t n) {
  at::Tensor order = at::arange(n, at::kLong);
  std::int64_t* values = order.mutable_data_ptr<std::int64_t>();
  Philox stream(seed, RngPurpose::kOrder, static_cast<std::uint32_t>(epoch));
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(values[i], values[stream.below(static_cast<std::uint32_t>(i + 1))]);
  return order;
}

std::int64_t steps_per_epoch(std::int64_t num_images, std::int64_t batch) {
  return (num_images + batch - 1) / batch;
}

double mixup_share(std::uint64_t seed, std::int64_t step, double alpha) {
  if (alpha <= 0) return 1;
  NormalStream normal(Philox(seed, RngPurpose::kMixup, static_cast<std::uint32_t>(step), 0));
  Philox uniform(seed, RngPurpose::kMixup, static_cast<std::uint32_t>(step), 1);
  const double a = gamma_variate(normal, uniform, alpha);
  const double b = gamma_variate(normal, uniform, alpha);
  // With a tiny alpha both may underflow to 0; the share is then 0 or 1 with equal probability.
  return a + b > 0 ? a / (a + b) : static_cast<double>(uniform.below(2));
}

Batches::Batches(const ImageBatches& images, const TrainConfig& config, std::uint64_t seed, c10::Device device)
    : images_(images),
      config_(config),
      seed_(seed),
      steps_per_epoch_(thalweg::steps_per_epoch(images.size(), config.batch)),
      order_(at::empty({images.size()}, at::TensorOptions(at::kLong).device(device))) {}

std::int64_t Batches::begin(std::int64_t step, StepControl& control) {
  const std::int64_t epoch = step / steps_per_epoch_;
  if (epoch != epoch_) {
    const at::Tensor order = epoch_order(seed_, epoch, images_.size());
    // Copies from pinned memory, which LibTorch keeps until the copy is done, so the host does not wait for earlier
    // steps.
    order_.copy_(order_.is_cuda() ? order.pin_memory() : order, /*non_blocking=*/true);
    epoch_ = epoch;
  }
  control.epoch = static_cast<std::uint32_t>(epoch);
  control.position = (step % steps_per_epoch_) * config_.batch;
  control.mix = static_cast<float>(mixup_share(seed_, step, config_.mixup));
  size_ = std::min(config_.batch, images_.size() - control.position);
  return size_;
}

ImageBatches::TrainingBatch Batches::slice(std::int64_t offset, std::int64_t size, const StepControl* control,
                                           at::ScalarType type, at::MemoryFormat format) const {
  return images_.training_batch(order_, size, control,
                                {config_.augment, config_.mixup > 0, seed_, type, offset, size_, format});
}

}  // namespace thalweg

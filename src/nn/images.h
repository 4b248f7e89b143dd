// Batches out of uint8 images (kernels/augment.h) and sums of losses over a split (kernels/loss.h).
#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/augment.h"
#include "kernels/loss.h"

namespace thalweg {

// Images of one split on a device, with their normalisation.
class ImageBatches {
 public:
  // images uint8 [N, C, H, W], labels int64 [N]; mean and std per channel in units of pixel / 255.
  ImageBatches(const at::Tensor& images, const at::Tensor& labels, const std::vector<double>& mean,
               const std::vector<double>& std, c10::Device device);

  std::int64_t size() const { return labels_.size(0); }
  const at::Tensor& labels() const { return labels_; }

  // Normalised images `indices` (int64 [n] on the device): `type` (float32, bfloat16 or float16) [n, C, H, W]. With
  // `channels` above C there are so many, those beyond C zero.
  at::Tensor gather(const at::Tensor& indices, at::ScalarType type = at::kFloat, std::int64_t channels = 0,
                    at::MemoryFormat format = at::MemoryFormat::ChannelsLast) const;

  // `size` images of a training batch, augmented (kernels/augment.h). The batch begins in an epoch's order (int64 [N]
  // on the device) at the position that `control` names.
  struct TrainingBatch {
    at::Tensor images;    // `type` [size, C, H, W]
    at::Tensor labels;    // int64 [size]
    at::Tensor partners;  // int64 [size] with mixup: labels of the images mixed in
  };
  struct TrainingSpec {
    AugmentSpec augment;
    bool mixup = false;
    std::uint64_t seed = 0;
    at::ScalarType type = at::kFloat;                          // or at::kBFloat16
    std::int64_t first = 0;                                    // of the images, counted from the batch's begin
    std::int64_t batch_size = 0;                               // of mixup: of the whole batch
    at::MemoryFormat format = at::MemoryFormat::ChannelsLast;  // or Contiguous
  };
  TrainingBatch training_batch(const at::Tensor& order, std::int64_t size, const StepControl* control,
                               const TrainingSpec& spec) const;
  // Images [begin, end).
  at::Tensor range(std::int64_t begin, std::int64_t end, at::ScalarType type = at::kFloat,
                   at::MemoryFormat format = at::MemoryFormat::ChannelsLast) const;

 private:
  BatchArgs batch_args(const at::Tensor& indices, std::int64_t size, const at::Tensor& out) const;
  void make_batch(const BatchArgs& args) const;

  at::Tensor images_;  // uint8 [N, C, H, W]
  at::Tensor labels_;  // int64 [N]
  at::Tensor scale_;   // float32 [C]
  at::Tensor shift_;   // float32 [C]
};

// What maps images to logits, and how it wants them.
struct Network {
  std::function<at::Tensor(const at::Tensor&)> logits;  // float32 [n, num_classes], contiguous
  at::ScalarType type = at::kFloat;                     // of the images
  std::int64_t chunk = 125;                             // images at a time
  bool stops = false;                                   // throws Stopped between two chunks after a signal
  at::MemoryFormat format = at::MemoryFormat::ChannelsLast;
};

// Values of single images, on the split's device; kernels/loss.h says what they are.
struct ImageValues {
  at::Tensor losses;   // float64 [n]
  at::Tensor correct;  // int32 [n]
  at::Tensor margins;  // float32 [n]
};
ImageValues empty_values(std::int64_t n, const at::TensorOptions& options);  // its type does not matter
// Images [begin, end); a view.
ImageValues slice(const ImageValues& values, std::int64_t begin, std::int64_t end);
// Those that logits (float32 [m, num_classes], contiguous; m at least n) give for the first n = labels.size(0) images.
void image_losses(const at::Tensor& logits, const at::Tensor& labels, const ImageValues& out);
// Of images `indices` (int64 [n] on the device), or of all where it is undefined.
ImageValues evaluate_images(const ImageBatches& split, const Network& network, const at::Tensor& indices = {});

// Losses of all images of a split, then their sums in a fixed order: independent of the chunk up to the network's own
// arithmetic.
LossSums sum_split_losses(const ImageBatches& split, const Network& network);

// Images a forward pass takes at a time: about what stays in cache on a CPU (measured best near 125 for VGG-11), many
// on a GPU.
std::int64_t default_chunk(c10::Device device);

}  // namespace thalweg

// Makes batches from uint8 images (kernels/augment.h) and sums losses over a split (kernels/loss.h).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/augment.h"
#include "kernels/loss.h"

namespace thalweg {

// Images of one split on a device, with their normalisation.
class ImageBatches {
 public:
  // `images` is uint8 [N, C, H, W], `labels` int64 [N]; `mean` and `std` are per channel, in units of pixel / 255.
  ImageBatches(const at::Tensor& images, const at::Tensor& labels, const std::vector<double>& mean,
               const std::vector<double>& std, c10::Device device);

  std::int64_t size() const { return labels_.size(0); }
  const at::Tensor& labels() const { return labels_; }

  // Returns the normalised images `indices` (int64 [n] on the device) as `type` (float32, bfloat16 or float16)
  // [n, C, H, W]. If `channels` exceeds C, the result has that many channels, those beyond C zero.
  at::Tensor gather(const at::Tensor& indices, at::ScalarType type = at::kFloat, std::int64_t channels = 0,
                    at::MemoryFormat format = at::MemoryFormat::ChannelsLast) const;

  // The next `size` images of a training batch, augmented (kernels/augment.h). The batch starts in an epoch's order
  // (int64 [N] on the device) at the position given by `control`.
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
    std::int64_t first = 0;                                    // position in the batch of the first image
    std::int64_t batch_size = 0;                               // for mixup: size of the whole batch
    at::MemoryFormat format = at::MemoryFormat::ChannelsLast;  // or Contiguous
  };
  TrainingBatch training_batch(const at::Tensor& order, std::int64_t size, const StepControl* control,
                               const TrainingSpec& spec) const;
  // Returns the normalised images [begin, end).
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

// A function that maps images to logits, and the form in which it takes the images.
struct Network {
  std::function<at::Tensor(const at::Tensor&)> logits;  // float32 [n, num_classes], contiguous
  at::ScalarType type = at::kFloat;                     // type of the images
  std::int64_t chunk = 125;                             // images at a time, at most
  bool fixed_chunk = false;                             // whether values depend on it: all but the last have this size
  bool stops = false;                                   // whether to throw Stopped between two chunks after a signal
  at::MemoryFormat format = at::MemoryFormat::ChannelsLast;
};

// Per-image values, on the split's device, as defined in kernels/loss.h.
struct ImageValues {
  at::Tensor losses;   // float64 [n]
  at::Tensor correct;  // int32 [n]
  at::Tensor margins;  // float32 [n]
};
ImageValues empty_values(std::int64_t n, const at::TensorOptions& options);  // the type in `options` is ignored
// Returns a view of images [begin, end).
ImageValues slice(const ImageValues& values, std::int64_t begin, std::int64_t end);
// Writes to `out` the values of the first n = labels.size(0) images, given their logits (float32 [m, num_classes],
// contiguous; m at least n).
void image_losses(const at::Tensor& logits, const at::Tensor& labels, const ImageValues& out);
// The ends of consecutive chunks that cover n images: all but the last of exactly `chunk` images, or all of nearly the
// same size and at most `chunk`. The latter leave no small rest, which matrix libraries multiply by other code, with
// other roundings.
std::vector<std::int64_t> fixed_chunks(std::int64_t n, std::int64_t chunk);
std::vector<std::int64_t> even_chunks(std::int64_t n, std::int64_t chunk);
// Evaluates images chunk by chunk, given the chunks' ends. `logits` returns the float32 [end - begin, num_classes],
// contiguous, of the images with labels [begin, end) of `labels` (int64 [n]).
ImageValues evaluate_chunks(const at::Tensor& labels, const std::vector<std::int64_t>& ends,
                            const std::function<at::Tensor(std::int64_t begin, std::int64_t end)>& logits);
// Returns the values of the images `indices` (int64 [n] on the device), or of all images if it is undefined.
ImageValues evaluate_images(const ImageBatches& split, const Network& network, const at::Tensor& indices = {});

// Returns the sums, in a fixed order, of the losses of all images of a split: independent of the chunk up to the
// network's own arithmetic.
LossSums sum_split_losses(const ImageBatches& split, const Network& network);

// The number of images per forward pass: about what fits in cache on a CPU (measured best near 125 for VGG-11), many on
// a GPU.
std::int64_t default_chunk(c10::Device device);

}  // namespace thalweg

#include <vector>

#include <ATen/Parallel.h>

#include "kernels/head.h"

namespace thalweg {
namespace {

template <typename T>
void head_image(const HeadArgs& args, std::int64_t n, std::vector<float>& features, std::vector<float>& logits) {
  features.resize(static_cast<std::size_t>(args.channels));
  logits.resize(static_cast<std::size_t>(args.num_classes));
  for (std::int64_t k = 0; k < args.channels; ++k) features[static_cast<std::size_t>(k)] = head_feature<T>(args, n, k);
  for (std::int64_t c = 0; c < args.num_classes; ++c) {
    float partial[kHeadLanes];
    for (int lane = 0; lane < kHeadLanes; ++lane) partial[lane] = head_partial<T>(args, features.data(), c, lane);
    for (int half = kHeadLanes / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
    }
    logits[static_cast<std::size_t>(c)] = partial[0] + to_float(static_cast<const T*>(args.bias)[c]);
  }
  store_head(args, n, logits.data());
}

}  // namespace

void head_losses_cpu(const HeadArgs& args) {
  const auto image = args.type == ActivationType::kFloat32    ? head_image<float>
                     : args.type == ActivationType::kBFloat16 ? head_image<BFloat16>
                                                              : head_image<Float16>;
  at::parallel_for(0, args.num_images, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> features, logits;
    for (std::int64_t n = begin; n < end; ++n) image(args, n, features, logits);
  });
}

}  // namespace thalweg

#include <ATen/Parallel.h>

#include "kernels/materialise.h"

namespace thalweg {
namespace {

template <typename T>
void fold_row(const MaterialiseArgs& args, const FoldSegment& s, int point, std::int64_t row) {
  const float a = args.coordinates[2 * point];
  const float b = args.coordinates[2 * point + 1];
  const float* buffers = args.buffers + point * args.buffer_stride;
  T* out = static_cast<T*>(args.out) + point * args.out_stride;
  const double scale = fold_scale(s, args.plane, a, b, buffers, row);
  bool overflowed = store_checked(out[s.out_bias + row], fold_bias(s, args.plane, a, b, buffers, row, scale));
  T* weights = out + s.out_weight + row * s.out_channels * s.taps;
  for (std::int64_t channel = 0; channel < s.out_channels; ++channel) {
    for (std::int64_t tap = 0; tap < s.taps; ++tap) {
      overflowed |= store_checked(weights[tap * s.out_channels + channel],
                                  fold_weight(s, args.plane, a, b, row, tap, channel, scale));
    }
  }
  if (overflowed && args.overflowed != nullptr)
    __atomic_store_n(args.overflowed + point, std::int32_t{1}, __ATOMIC_RELAXED);
}

}  // namespace

void materialise_cpu(const MaterialiseArgs& args) {
  const auto fold = args.type == ActivationType::kFloat32    ? fold_row<float>
                    : args.type == ActivationType::kBFloat16 ? fold_row<BFloat16>
                                                             : fold_row<Float16>;
  for (int point = 0; point < args.num_points; ++point) {
    for (int i = 0; i < args.num_segments; ++i) {
      const FoldSegment& s = args.segments[i];
      at::parallel_for(0, s.rows, 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) fold(args, s, point, row);
      });
    }
  }
}

void plane_weights_cpu(const PlaneWeightsArgs& args) {
  for (int point = 0; point < args.num_points; ++point) {
    const float a = args.coordinates[2 * point];
    const float b = args.coordinates[2 * point + 1];
    float* out = args.out + point * args.num_parameters;
    at::parallel_for(0, args.num_parameters, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = plane_weight(args.plane, a, b, i);
    });
  }
}

}  // namespace thalweg

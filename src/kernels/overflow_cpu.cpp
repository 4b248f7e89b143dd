#include <ATen/Parallel.h>

#include "kernels/overflow.h"

namespace thalweg {
namespace {

template <typename T>
bool any_beyond(const OverflowArgs& args, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(args.values);
  for (std::int64_t i = begin; i < end; ++i) {
    if (is_beyond(to_float(x[i]), args.limit)) return true;
  }
  return false;
}

}  // namespace

void find_overflow_cpu(const OverflowArgs& args) {
  const auto any = args.type == ActivationType::kFloat32    ? any_beyond<float>
                   : args.type == ActivationType::kBFloat16 ? any_beyond<BFloat16>
                                                            : any_beyond<Float16>;
  at::parallel_for(0, args.n, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    if (any(args, begin, end)) __atomic_store_n(args.flag, std::int32_t{1}, __ATOMIC_RELAXED);
  });
}

}  // namespace thalweg

#include <ATen/Parallel.h>

#include "kernels/optimizer.h"
#include "kernels/simd.h"

namespace thalweg {
namespace {

// The vectors do not overlap, which the compiler cannot see (hence ivdep), and the formulas access one element each.
THALWEG_SIMD void sgd_range(const UpdateArgs& args, std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep
  for (std::int64_t i = begin; i < end; ++i) sgd_update(args, i);
}

THALWEG_SIMD void adamw_range(const UpdateArgs& args, std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep
  for (std::int64_t i = begin; i < end; ++i) adamw_update(args, i);
}

}  // namespace

void update_cpu(const UpdateArgs& args) {
  at::parallel_for(0, args.num_parameters, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    (args.kind == OptimizerKind::kSgd ? sgd_range : adamw_range)(args, begin, end);
  });
}

}  // namespace thalweg

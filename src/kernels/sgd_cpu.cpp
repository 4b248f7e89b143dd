#include <ATen/Parallel.h>

#include "kernels/sgd.h"

namespace thalweg {

void sgd_step_cpu(const SgdArgs& args) {
  at::parallel_for(0, args.num_parameters, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sgd_update(args, i);
  });
}

}  // namespace thalweg

#include "nn/max_pool.h"

#include <ATen/ATen.h>

#include "base/stream.h"
#include "kernels/pool.h"
#include "nn/activation_type.h"

namespace thalweg {

at::Tensor max_pool(const at::Tensor& x, int kernel, int stride) {
  PoolArgs args;
  args.type = activation_type_of(x);
  args.n = x.size(0);
  args.height = x.size(2);
  args.width = x.size(3);
  args.channels = x.size(1);
  args.kernel = kernel;
  args.stride = stride;
  const at::Tensor y = at::empty({args.n, args.channels, args.out_height(), args.out_width()}, x.options(),
                                 at::MemoryFormat::ChannelsLast);
  args.x = x.const_data_ptr();
  args.y = y.mutable_data_ptr();
  run_kernel(args, x.device(), max_pool_cpu, max_pool_cuda);
  return y;
}

}  // namespace thalweg

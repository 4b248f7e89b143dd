// Compares kernels/pool.h, called as by the evaluator, with ATen.
#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "gpu.h"
#include "nn/max_pool.h"

namespace thalweg {
namespace {

// Covers NaN and infinity, odd sizes, overlapping windows, and channel counts that no vector width divides.
void expect_pools(c10::Device device) {
  struct Case {
    std::int64_t n, c, h, w;
    int kernel, stride;
  };
  auto generator = at::detail::createCPUGenerator(47);
  for (const Case& c : {Case{3, 64, 8, 8, 2, 2},
                        {2, 5, 7, 9, 2, 2},
                        {1, 8, 5, 6, 3, 1},
                        {4, 16, 2, 2, 2, 2},
                        {2, 70, 5, 4, 2, 2},
                        {0, 8, 4, 4, 2, 2}}) {
    for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat}) {
      const at::Tensor x = at::randn({c.n, c.c, c.h, c.w}, generator).contiguous(at::MemoryFormat::ChannelsLast);
      if (c.n > 0) x[0][0][1][1] = std::nan(""), x[0][1][0][0] = -INFINITY, x[0][2][1][0] = INFINITY;
      const at::Tensor low = x.to(type), got = max_pool(low.to(device), c.kernel, c.stride).cpu();
      if (c.n == 0) continue;
      const at::Tensor expected = at::max_pool2d(low.to(at::kFloat), {c.kernel, c.kernel}, {c.stride, c.stride});
      EXPECT_TRUE(at::allclose(got.to(at::kFloat), expected, 0, 0, /*equal_nan=*/true));
    }
  }
}

TEST(MaxPool, IsATens) {
  expect_pools(at::kCPU);
}

TEST(CudaMaxPool, IsATens) {
  THALWEG_NEED_GPU();
  expect_pools(kGpu);
}

}  // namespace
}  // namespace thalweg

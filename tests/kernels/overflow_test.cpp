#include "kernels/overflow.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stream.h"
#include "gpu.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

bool finds_overflow(const at::Tensor& values, float limit) {
  const at::Tensor flag = at::zeros({1}, values.options().dtype(at::kInt));
  OverflowArgs args;
  args.type = activation_type_of(values);
  args.values = values.const_data_ptr();
  args.n = values.numel();
  args.limit = limit;
  args.flag = flag.mutable_data_ptr<std::int32_t>();
  if (values.is_cuda()) {
    find_overflow_cuda(args, current_stream(values.device()));
  } else {
    find_overflow_cpu(args);
  }
  return flag.item<int>() == 1;
}

void expect_finds_overflow(c10::Device device) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat}) {
    const at::Tensor values = at::full({100001}, 100.0, at::TensorOptions(type).device(device));
    EXPECT_FALSE(finds_overflow(values, 100));
    EXPECT_FALSE(finds_overflow(values.slice(0, 0, 0), 0));
    for (const std::int64_t at : {std::int64_t{0}, std::int64_t{54321}, std::int64_t{100000}}) {
      for (const double bad : {101.0, -101.0, static_cast<double>(INFINITY), std::nan("")}) {
        const at::Tensor one = values.clone();
        one[at] = bad;
        EXPECT_TRUE(finds_overflow(one, 100)) << bad << " at " << at;
      }
    }
  }
}

TEST(Overflow, IsSeenWhereverItIs) {
  expect_finds_overflow(at::kCPU);
}

TEST(CudaOverflow, IsSeenWhereverItIs) {
  THALWEG_NEED_GPU();
  expect_finds_overflow(kGpu);
}

}  // namespace
}  // namespace thalweg

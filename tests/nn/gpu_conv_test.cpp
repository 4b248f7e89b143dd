// Compares convolutions by cuDNN's plans with LibTorch's. Reported as skipped without a GPU. The suite's name keeps it
// out of the sanitizers' selection (bench/gpu.sh): these kernels are not ours, and would take minutes there.
#include "nn/gpu_conv.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "base/stream.h"
#include "expect_error.h"
#include "gpu.h"
#include "kernels/conv_fixture.h"

namespace thalweg {
namespace {

struct Operands {
  at::Tensor x, w, dy, bias, residual;
};

// Standard normal values, so that sums have a known magnitude; rounded to `type`, on the GPU and channels-last.
Operands random_operands(const ConvShape& s, at::ScalarType type) {
  at::Generator generator = at::detail::createCPUGenerator(31);
  const auto random = [&](at::IntArrayRef sizes) {
    const at::Tensor values = at::randn(sizes, generator).to(kGpu, type);
    return values.dim() == 4 ? values.contiguous(at::MemoryFormat::ChannelsLast) : values;
  };
  return {random({s.n, s.c, s.h, s.w}), random({s.k, s.c, s.r, s.s}), random({s.n, s.k, s.p(), s.q()}), random({s.k}),
          random({s.n, s.k, s.p(), s.q()})};
}

struct Results {
  at::Tensor y, dx, dw;
};

Results by_plans(ConvPlans& plans, const ConvShape& s, const Operands& o) {
  const GpuConv conv{plans, s.stride, s.padding};
  const at::Tensor dw = at::full_like(o.w, 7);
  conv_weight_gradient(conv, o.dy, o.x, dw);
  return {conv_forward(conv, o.x, o.w), conv_input_gradient(conv, o.dy, o.w, o.x.sizes()), dw};
}

at::Tensor wide(const at::Tensor& tensor) {
  return tensor.to(at::kDouble);
}

Results by_libtorch(const ConvShape& s, const Operands& o) {
  const std::vector<std::int64_t> stride{s.stride, s.stride}, padding{s.padding, s.padding};
  const auto [dx, dw, db] = at::convolution_backward(wide(o.dy), wide(o.x), wide(o.w), at::OptionalIntArrayRef(),
                                                     stride, padding, {1, 1}, false, {0, 0}, 1, {true, true, false});
  return {at::convolution(wide(o.x), wide(o.w), {}, stride, padding, {1, 1}, false, {0, 0}, 1), dx, dw};
}

// The relative tolerance covers the rounding of the result. The one relative to the largest value covers float32 sums
// of up to 82,000 products in any order, which tensor cores truncate rather than round; for float32 it is small enough
// that TF32's ten bits (6e-5) would fail.
void expect_close(const at::Tensor& got, const at::Tensor& expected, const std::string& what) {
  struct Tolerance {
    double relative, of_largest;
  };
  const Tolerance tolerance = got.scalar_type() == at::kBFloat16 ? Tolerance{0x1.1p-8, 1e-4}
                              : got.scalar_type() == at::kHalf   ? Tolerance{0x1.1p-11, 1e-4}
                                                                 : Tolerance{0x1.1p-24, 1e-5};
  ASSERT_EQ(got.sizes(), expected.sizes()) << what;
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast)) << what;
  const double largest = expected.abs().max().item<double>();
  EXPECT_TRUE(at::allclose(wide(got), expected, tolerance.relative, tolerance.of_largest * largest))
      << what << ": off by " << (wide(got) - expected).abs().max().item<double>() << " of " << largest;
}

void expect_equal_bits(const Results& a, const Results& b) {
  EXPECT_TRUE(at::equal(a.y, b.y));
  EXPECT_TRUE(at::equal(a.dx, b.dx));
  EXPECT_TRUE(at::equal(a.dw, b.dw));
}

at::ScalarType scalar_type(ActivationType type) {
  return type == ActivationType::kFloat32 ? at::kFloat : type == ActivationType::kFloat16 ? at::kHalf : at::kBFloat16;
}

class PlannedConvolutions : public GpuTest {};

TEST_F(PlannedConvolutions, EqualLibTorchs) {
  ConvPlans plans = ConvPlans::on_current_gpu({});
  for (ConvShape shape : kOddConvolutions) {
    for (const ActivationType type : {ActivationType::kFloat32, ActivationType::kFloat16, ActivationType::kBFloat16}) {
      shape.type = type;
      const Operands operands = random_operands(shape, scalar_type(type));
      const Results got = by_plans(plans, shape, operands);
      const Results expected = by_libtorch(shape, operands);
      expect_close(got.y, expected.y, describe(shape, ConvPass::kForward));
      expect_close(got.dx, expected.dx, describe(shape, ConvPass::kInputGradient));
      expect_close(got.dw, expected.dw, describe(shape, ConvPass::kWeightGradient));
    }
  }
}

TEST_F(PlannedConvolutions, EqualLibTorchsOnTheLayersOfNetworks) {
  ConvPlans plans = ConvPlans::on_current_gpu({});
  for (const char* model : {"resnet18", "resnet20"}) {
    for (const ConvShape& shape : convolutions_of(model, 80, ActivationType::kBFloat16)) {
      const Operands operands = random_operands(shape, at::kBFloat16);
      const Results got = by_plans(plans, shape, operands);
      const Results expected = by_libtorch(shape, operands);
      expect_close(got.y, expected.y, describe(shape, ConvPass::kForward));
      expect_close(got.dx, expected.dx, describe(shape, ConvPass::kInputGradient));
      expect_close(got.dw, expected.dw, describe(shape, ConvPass::kWeightGradient));
    }
  }
}

TEST_F(PlannedConvolutions, FuseBiasResidualAndRelu) {
  const ConvShape& shape = kFusedConvolution;
  ConvPlans plans = ConvPlans::on_current_gpu({});
  const GpuConv conv{plans, 2, 1};
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const Operands o = random_operands(shape, type);
    const at::Tensor biased = by_libtorch(shape, o).y + wide(o.bias).view({1, -1, 1, 1});
    expect_close(conv_forward(conv, o.x, o.w, o.bias), biased, "bias");
    expect_close(conv_relu(conv, o.x, o.w, o.bias), at::relu(biased), "bias, ReLU");
    expect_close(conv_relu(conv, o.x, o.w, o.bias, o.residual), at::relu(biased + wide(o.residual)), "all");
  }
}

TEST_F(PlannedConvolutions, TakeAnyLayoutAndAlignment) {
  const ConvShape shape{5, 16, 8, 8, 24, 3, 3, 1, 1};
  ConvPlans plans = ConvPlans::on_current_gpu({});
  const Operands o = random_operands(shape, at::kBFloat16);
  const GpuConv conv{plans, 1, 1};
  const at::Tensor expected = conv_forward(conv, o.x, o.w);
  EXPECT_TRUE(at::equal(conv_forward(conv, o.x.contiguous(), o.w.contiguous()), expected));
  // A channels-last filter that starts one element into a vector.
  const at::Tensor vector = at::zeros({o.w.numel() + 1}, o.w.options());
  const at::Tensor shifted = vector.narrow(0, 1, o.w.numel()).as_strided(o.w.sizes(), o.w.strides(), 1).copy_(o.w);
  EXPECT_TRUE(at::equal(conv_forward(conv, o.x, shifted), expected));
}

// As in training: the gradient is float32 and part of a vector, whatever the type of the activations.
TEST_F(PlannedConvolutions, WriteTheWeightGradientWhereItIsWanted) {
  const ConvShape shape{5, 16, 8, 8, 24, 3, 3, 1, 1};
  ConvPlans plans = ConvPlans::on_current_gpu({});
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Operands o = random_operands(shape, type);
    const at::Tensor expected = by_plans(plans, shape, o).dw.to(at::kFloat);
    for (const std::int64_t offset : {0, 4, 1}) {  // aligned, aligned, not
      const at::Tensor vector = at::full({o.w.numel() + 8}, 7.0, o.w.options().dtype(at::kFloat));
      const at::Tensor dw = vector.as_strided(o.w.sizes(), o.w.strides(), offset);
      conv_weight_gradient({plans, 1, 1}, o.dy, o.x, dw);
      EXPECT_TRUE(at::equal(dw, expected)) << offset;
      EXPECT_EQ(at::sum(vector == 7.0).item<std::int64_t>(), 8) << offset;  // nothing beside it is overwritten
    }
  }
}

TEST_F(PlannedConvolutions, AreNotChosenInsideACapture) {
  const ConvShape shape{4, 8, 8, 8, 8, 3, 3, 1, 1};
  const Operands operands = random_operands(shape, at::kFloat);
  ConvPlans plans = ConvPlans::on_current_gpu({.tune = true});
  c10::cuda::device_synchronize();
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  expect_error([&] { conv_forward({plans, 1, 1}, operands.x, operands.w); }, "run it once before");
  graph.capture_end();
}

TEST_F(PlannedConvolutions, GiveTheSameBitsAgainAndWithTheSamePlansElsewhere) {
  const ConvShape shape{80, 64, 16, 16, 128, 3, 3, 2, 1, ActivationType::kBFloat16};
  const Operands operands = random_operands(shape, at::kBFloat16);
  ConvPlans tuned = ConvPlans::on_current_gpu({.tune = true});
  const Results first = by_plans(tuned, shape, operands);
  for (int i = 0; i < 5; ++i) expect_equal_bits(by_plans(tuned, shape, operands), first);
  const ConvManifest manifest = tuned.manifest();
  EXPECT_EQ(manifest.choices.size(), 3u);
  for (const auto& [key, choice] : manifest.choices) EXPECT_GT(choice.microseconds, 0) << choice.plan;

  ConvPlans later = ConvPlans::on_current_gpu({.tune = true});
  later.adopt(manifest);
  expect_equal_bits(by_plans(later, shape, operands), first);
  for (const auto& [key, choice] : later.manifest().choices) {
    EXPECT_EQ(choice.plan, manifest.choices.at(key).plan);
    EXPECT_EQ(choice.microseconds, manifest.choices.at(key).microseconds);  // plans are not timed again
  }
}

TEST_F(PlannedConvolutions, RunInsideACudaGraph) {
  const ConvShape shape{16, 16, 8, 8, 16, 3, 3, 1, 1, ActivationType::kBFloat16};
  const Operands operands = random_operands(shape, at::kBFloat16);
  ConvPlans plans = ConvPlans::on_current_gpu({});
  const Results eager = by_plans(plans, shape, operands);
  c10::cuda::device_synchronize();
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const Results captured = by_plans(plans, shape, operands);
  graph.capture_end();
  for (const at::Tensor& result : {captured.y, captured.dx, captured.dw}) result.zero_();
  graph.replay();
  expect_equal_bits(captured, eager);
}

TEST(PlannedConvolutionsOnACpu, RefuseTensorsThatAreNotOnAGpu) {
  ConvPlans plans = ConvPlans::without_gpu(h200_properties(), {});
  const at::Tensor x = at::zeros({1, 8, 4, 4});
  const at::Tensor w = at::zeros({8, 8, 3, 3});
  expect_error([&] { conv_forward({plans, 1, 1}, x, w); }, "expected tensors on a GPU, got one on cpu");
}

}  // namespace
}  // namespace thalweg

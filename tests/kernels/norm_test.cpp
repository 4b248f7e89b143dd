// Compares batch norm with its add and ReLU with the formulas in double, and the CUDA kernels with their CPU
// counterparts.
#include "kernels/norm.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/stream.h"
#include "gpu.h"

namespace thalweg {
namespace {

struct Case {
  std::int64_t rows, channels;
  bool relu, other;
  at::ScalarType type;
  std::int64_t pool_width = 0;  // of images twice as high as wide
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::to_string(c.rows) + "x" + std::to_string(c.channels) + (c.relu ? "Relu" : "") +
         (c.pool_width > 0 ? "Pool" : "") + (c.other ? "Add" : "") +
         (c.type == at::kFloat  ? "F32"
          : c.type == at::kHalf ? "F16"
                                : "Bf16");
}

// Everything that the two kernels read and write.
struct Norm {
  at::Tensor x, other, dy, weight, bias, running_mean, running_var;
  at::Tensor y, mean, invstd, dx, dother, dweight, dbias;
};

Norm problem_of(const Case& c) {
  auto generator = at::detail::createCPUGenerator(11);
  const auto random = [&](at::IntArrayRef shape) { return at::randn(shape, generator); };
  Norm norm;
  norm.x = (random({c.rows, c.channels}) * 1.5 + 3).to(c.type);
  norm.other = random({c.rows, c.channels}).to(c.type);
  norm.dy = random({c.pool_width > 0 ? c.rows / 4 : c.rows, c.channels}).to(c.type);
  norm.weight = random({c.channels});
  norm.bias = random({c.channels});
  norm.running_mean = random({c.channels});
  norm.running_var = at::rand({c.channels}, generator) + 0.5;
  return norm;
}

NormShape shape_of(const Case& c) {
  return {c.rows, c.channels,
          c.type == at::kFloat  ? ActivationType::kFloat32
          : c.type == at::kHalf ? ActivationType::kFloat16
                                : ActivationType::kBFloat16,
          c.relu, c.pool_width};
}

float* floats(const at::Tensor& tensor) {
  return tensor.mutable_data_ptr<float>();
}

// A copy that starts 4 bytes into an allocation, as a parameter may in the vector of all parameters.
at::Tensor unaligned(const at::Tensor& tensor) {
  return at::cat({at::zeros({1}, tensor.options()), tensor}).slice(0, 1);
}

enum class Memory { kPlain, kInPlace, kUnalignedParameters };

// Runs forward, then backward, on `device`; the results are on the CPU.
Norm run(const Case& c, c10::Device device, Norm norm, Memory memory = Memory::kPlain) {
  for (at::Tensor Norm::*tensor :
       {&Norm::x, &Norm::other, &Norm::dy, &Norm::weight, &Norm::bias, &Norm::running_mean, &Norm::running_var})
    norm.*tensor = (norm.*tensor).to(device, (norm.*tensor).scalar_type(), false, /*copy=*/true);
  norm.y = at::empty_like(norm.dy);
  norm.dx = memory == Memory::kInPlace ? norm.x : at::empty_like(norm.x);
  norm.dother = at::empty_like(norm.x);
  for (at::Tensor Norm::*tensor : {&Norm::mean, &Norm::invstd, &Norm::dweight, &Norm::dbias})
    norm.*tensor = at::empty_like(norm.weight);
  if (memory == Memory::kUnalignedParameters) {
    for (at::Tensor Norm::*tensor : {&Norm::weight, &Norm::bias, &Norm::dweight, &Norm::dbias})
      norm.*tensor = unaligned(norm.*tensor);
  }
  const NormShape shape = shape_of(c);
  const at::Tensor partial = at::empty({shape.num_chunks(), 2, c.channels}, norm.weight.options());
  NormForwardArgs forward;
  forward.shape = shape;
  forward.x = norm.x.const_data_ptr();
  forward.other = c.other ? norm.other.const_data_ptr() : nullptr;
  forward.y = norm.y.mutable_data_ptr();
  forward.weight = floats(norm.weight);
  forward.bias = floats(norm.bias);
  forward.running_mean = floats(norm.running_mean);
  forward.running_var = floats(norm.running_var);
  forward.mean = floats(norm.mean);
  forward.invstd = floats(norm.invstd);
  forward.partial = floats(partial);
  NormBackwardArgs backward;
  backward.shape = shape;
  backward.x = norm.x.const_data_ptr();
  backward.y = c.other ? norm.y.const_data_ptr() : nullptr;
  backward.dy = norm.dy.const_data_ptr();
  backward.dx = norm.dx.mutable_data_ptr();
  backward.dother = c.other && c.relu ? norm.dother.mutable_data_ptr() : nullptr;
  backward.weight = floats(norm.weight);
  backward.bias = floats(norm.bias);
  backward.mean = floats(norm.mean);
  backward.invstd = floats(norm.invstd);
  backward.dweight = floats(norm.dweight);
  backward.dbias = floats(norm.dbias);
  backward.partial = floats(partial);
  if (device.is_cuda()) {
    norm_forward_cuda(forward, current_stream(device));
    norm_backward_cuda(backward, current_stream(device));
  } else {
    norm_forward_cpu(forward);
    norm_backward_cpu(backward);
  }
  for (at::Tensor Norm::*tensor : {&Norm::y, &Norm::mean, &Norm::invstd, &Norm::dx, &Norm::dother, &Norm::dweight,
                                   &Norm::dbias, &Norm::running_mean, &Norm::running_var})
    norm.*tensor = (norm.*tensor).cpu();
  return norm;
}

// The result of max pooling, [M, C], and for each value the row of x that it came from.
struct Pooled {
  at::Tensor y, row;
};

Pooled pooled(const Case& c, const at::Tensor& y) {
  const std::int64_t width = c.pool_width, height = 2 * width, images = c.rows / (width * height);
  const at::Tensor image = y.reshape({images, height, width, c.channels}).permute({0, 3, 1, 2});
  const auto [values, index] = at::max_pool2d_with_indices(image.contiguous(), {2, 2}, {2, 2});
  const at::Tensor first = at::arange(images, at::kLong).reshape({-1, 1, 1, 1}) * (width * height);
  const auto as_rows = [&](const at::Tensor& t) { return t.permute({0, 2, 3, 1}).reshape({-1, c.channels}); };
  return {as_rows(values), as_rows(index + first)};
}

// The formulas of kernels/norm.h in double, with ReLU's mask taken from `seen_y`, the kernels' output.
Norm expected(const Case& c, Norm norm, const at::Tensor& seen_y) {
  const at::Tensor x = norm.x.to(at::kDouble);
  const auto rows = static_cast<double>(c.rows);
  norm.mean = x.mean(0);
  const at::Tensor var = (x - norm.mean).square().sum(0) / rows;
  norm.invstd = 1 / at::sqrt(var + 1e-5);
  const at::Tensor xhat = (x - norm.mean) * norm.invstd;
  norm.y = xhat * norm.weight + norm.bias;
  if (c.other) norm.y = norm.y + norm.other;
  Pooled pool;
  if (c.pool_width > 0) {
    pool = pooled(c, norm.y);
    norm.y = pool.y;
  }
  if (c.relu) norm.y = at::relu(norm.y);
  norm.running_mean = 0.9 * norm.running_mean + 0.1 * norm.mean;
  norm.running_var = 0.9 * norm.running_var + 0.1 * var * rows / (rows - 1);
  at::Tensor g = norm.dy.to(at::kDouble);
  if (c.relu) g = g * (seen_y > 0);
  norm.dother = g;
  if (c.pool_width > 0) g = at::zeros_like(x).scatter(0, pool.row, g);
  norm.dbias = g.sum(0);
  norm.dweight = (g * xhat).sum(0);
  norm.dx = norm.weight * norm.invstd * (g - norm.dbias / rows - xhat * norm.dweight / rows);
  return norm;
}

void expect_near(const at::Tensor& got, const at::Tensor& wanted, double tolerance, const char* what) {
  const double scale = wanted.to(at::kDouble).abs().max().item<double>() + 1e-12;
  EXPECT_LE((got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>(), tolerance * scale) << what;
}

void expect_outcome(const Case& c, const Norm& got, const Norm& wanted) {
  const double written = c.type == at::kFloat ? 1e-5 : 5e-3;  // activations are rounded to their type
  expect_near(got.y, wanted.y, written, "y");
  expect_near(got.dx, wanted.dx, written, "dx");
  if (c.relu && c.other) {
    EXPECT_TRUE(at::equal(got.dother.to(at::kDouble), wanted.dother.to(at::kDouble)));
  }
  expect_near(got.mean, wanted.mean, 1e-5, "mean");
  expect_near(got.invstd, wanted.invstd, 1e-5, "invstd");
  expect_near(got.running_mean, wanted.running_mean, 1e-5, "running mean");
  expect_near(got.running_var, wanted.running_var, 1e-5, "running variance");
  expect_near(got.dbias, wanted.dbias, 1e-5, "dbias");
  expect_near(got.dweight, wanted.dweight, 1e-5, "dweight");
}

void expect_same_bits(const Norm& a, const Norm& b) {
  for (at::Tensor Norm::*tensor : {&Norm::y, &Norm::mean, &Norm::invstd, &Norm::dx, &Norm::dweight, &Norm::dbias})
    EXPECT_TRUE(at::equal(a.*tensor, b.*tensor));
}

class NormTest : public testing::TestWithParam<Case> {
 protected:
  const Case& case_ = GetParam();
  const Norm problem_ = problem_of(case_);
};

TEST_P(NormTest, EqualsTheFormulas) {
  const Norm got = run(case_, at::kCPU, problem_);
  expect_outcome(case_, got, expected(case_, problem_, got.y));
}

TEST_P(NormTest, TheGradientMayTakeThePlaceOfTheInput) {
  expect_same_bits(run(case_, at::kCPU, problem_, Memory::kInPlace), run(case_, at::kCPU, problem_));
}

TEST_P(NormTest, TheParametersMayLieAnywhere) {
  const Norm got = run(case_, at::kCPU, problem_, Memory::kUnalignedParameters);
  expect_outcome(case_, got, expected(case_, problem_, got.y));
}

TEST_P(NormTest, TheBitsDoNotDependOnTheThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Norm one = run(case_, at::kCPU, problem_);
  at::set_num_threads(3);
  const Norm three = run(case_, at::kCPU, problem_);
  at::set_num_threads(before);
  expect_same_bits(one, three);
}

TEST_P(NormTest, OnAGpuEqualsTheFormulasAndItselfAgain) {
  THALWEG_NEED_GPU();
  const Norm got = run(case_, kGpu, problem_);
  expect_outcome(case_, got, expected(case_, problem_, got.y));
  expect_same_bits(got, run(case_, kGpu, problem_));
  expect_same_bits(got, run(case_, kGpu, problem_, Memory::kInPlace));
  const Norm elsewhere = run(case_, kGpu, problem_, Memory::kUnalignedParameters);
  expect_outcome(case_, elsewhere, expected(case_, problem_, elsewhere.y));
}

// Rows just above and below multiples of a chunk; channels that vectors process in pairs, singly or not at all.
INSTANTIATE_TEST_SUITE_P(
    Shapes, NormTest,
    testing::Values(Case{1000, 64, true, true, at::kFloat}, Case{257, 16, true, false, at::kFloat},
                    Case{514, 16, true, true, at::kFloat}, Case{300, 32, true, false, at::kFloat},
                    Case{259, 16, true, true, at::kBFloat16}, Case{300, 96, false, true, at::kBFloat16},
                    Case{300, 64, true, false, at::kBFloat16}, Case{300, 16, false, false, at::kBFloat16},
                    Case{255, 7, false, true, at::kFloat}, Case{5, 3, false, false, at::kFloat},
                    Case{4096, 512, true, true, at::kBFloat16}, Case{300, 24, true, false, at::kBFloat16},
                    Case{513, 5, false, true, at::kBFloat16}, Case{64, 1, false, false, at::kBFloat16},
                    Case{6 * 8 * 16, 64, true, false, at::kFloat, 8}, Case{2 * 2 * 4, 5, true, false, at::kFloat, 2},
                    Case{300, 24, true, true, at::kHalf}, Case{6 * 8 * 16, 5, true, false, at::kHalf, 8},
                    Case{3 * 6 * 12, 24, true, false, at::kBFloat16, 6},
                    Case{5 * 16 * 32, 3, true, false, at::kBFloat16, 16}),
    name_of);

TEST(Norm, NanAndInfinityPassTheRelu) {
  const Case c{300, 4, true, false, at::kFloat};
  Norm problem = problem_of(c);
  problem.bias[0] = std::nan("");
  problem.bias[1] = INFINITY;
  const Norm got = run(c, at::kCPU, problem);
  EXPECT_TRUE(got.y.select(1, 0).isnan().all().item<bool>());
  EXPECT_TRUE(got.y.select(1, 1).isinf().all().item<bool>());
  EXPECT_TRUE(got.y.narrow(1, 2, 2).isfinite().all().item<bool>());
}

TEST(Norm, NanPassesThePool) {
  const Case c{4 * 8, 2, true, false, at::kFloat, 4};
  Norm problem = problem_of(c);
  problem.bias[1] = std::nan("");
  const Norm got = run(c, at::kCPU, problem);
  EXPECT_TRUE(got.y.select(1, 1).isnan().all().item<bool>());
  EXPECT_TRUE(got.y.select(1, 0).isfinite().all().item<bool>());
}

// The sum of squares minus the squared mean would lose all digits: 4096^2 is 2^24.
TEST(Norm, VarianceSurvivesALargeMean) {
  const Case c{5000, 8, false, false, at::kFloat};
  Norm problem = problem_of(c);
  problem.x = problem.x + 4096;
  const Norm got = run(c, at::kCPU, problem);
  expect_near(got.invstd, expected(c, problem, got.y).invstd, 1e-4, "invstd");
}

}  // namespace
}  // namespace thalweg

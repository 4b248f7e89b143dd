// Compares updates of the flat vector with their formulas in double. tests/python/test_training.py compares with
// torch.optim.
#include "kernels/optimizer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace thalweg {
namespace {

constexpr std::int64_t kParameters = 40'001;  // not a multiple of any block size

struct Vectors {
  at::Generator generator = at::detail::createCPUGenerator(5);
  at::Tensor weights = at::randn({kParameters}, generator), first = at::randn({kParameters}, generator) * 0.1;
  at::Tensor second = at::rand({kParameters}, generator) * 0.01, gradient = at::randn({kParameters}, generator);
  at::Tensor decay = at::rand({kParameters}, generator) * 0.1;
  StepControl control{.lr = 0.03f, .first_correction = 0.7f, .second_correction = 0.2f};

  UpdateArgs args() {
    UpdateArgs out;
    out.weights = weights.mutable_data_ptr<float>();
    out.first = first.mutable_data_ptr<float>();
    out.second = second.mutable_data_ptr<float>();
    out.gradient = gradient.const_data_ptr<float>();
    out.decay = decay.const_data_ptr<float>();
    out.num_parameters = kParameters;
    out.control = &control;
    out.momentum = 0.9f;
    out.beta2 = 0.99f;
    out.eps = 1e-3f;
    return out;
  }
};

void expect_close(const at::Tensor& got, const at::Tensor& wanted) {
  EXPECT_TRUE(at::allclose(got.to(at::kDouble), wanted, 1e-5, 1e-6));
}

TEST(Update, OfSgdIsItsFormula) {
  for (const bool nesterov : {false, true}) {
    Vectors vectors;
    const at::Tensor w = vectors.weights.to(at::kDouble);
    const at::Tensor g = vectors.gradient.to(at::kDouble) + vectors.decay.to(at::kDouble) * w;
    const at::Tensor v = 0.9 * vectors.first.to(at::kDouble) + g;
    UpdateArgs args = vectors.args();
    args.nesterov = nesterov;
    update_cpu(args);
    expect_close(vectors.first, v);
    expect_close(vectors.weights, w - 0.03 * (nesterov ? g + 0.9 * v : v));
  }
}

TEST(Update, OfAdamWIsItsFormula) {
  Vectors vectors;
  const at::Tensor w = vectors.weights.to(at::kDouble), g = vectors.gradient.to(at::kDouble);
  const at::Tensor m = 0.9 * vectors.first.to(at::kDouble) + 0.1 * g;
  const at::Tensor v = 0.99 * vectors.second.to(at::kDouble) + 0.01 * g.square();
  UpdateArgs args = vectors.args();
  args.kind = OptimizerKind::kAdamW;
  update_cpu(args);
  expect_close(vectors.first, m);
  expect_close(vectors.second, v);
  const at::Tensor decayed = w * (1 - 0.03 * vectors.decay.to(at::kDouble));
  expect_close(vectors.weights, decayed - 0.03 / 0.7 * m / (at::sqrt(v / 0.2) + 1e-3));
}

}  // namespace
}  // namespace thalweg

#include "train/sharpness.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/normal.h"
#include "base/stop.h"
#include "nn/eager.h"

namespace thalweg {
namespace {

constexpr std::int64_t kFewestIterations = 20;

class Hessian {
 public:
  Hessian(const Graph& graph, const ImageBatches& images, const Weights& at, const SharpnessConfig& config)
      : graph_(graph),
        images_(images),
        count_(std::min(config.images, images.size())),
        batch_(std::min(config.batch, count_)),
        weights_(at.weights.to(images.labels().device()).detach().clone().set_requires_grad(true)),
        buffers_(at.buffers.to(weights_.device())) {}

  const at::Tensor& weights() const { return weights_; }

  // Returns H v, float32 [P].
  at::Tensor times(const at::Tensor& v) const {
    at::Tensor sum = at::zeros_like(v);
    for (std::int64_t begin = 0; begin < count_; begin += batch_) {
      const std::int64_t end = std::min(begin + batch_, count_);
      const at::Tensor gradient = torch::autograd::grad({loss(begin, end)}, {weights_}, {}, true, true)[0];
      const at::Tensor product = torch::autograd::grad({at::dot(gradient, v)}, {weights_})[0];
      sum.add_(product, static_cast<double>(end - begin) / static_cast<double>(count_));
    }
    return sum;
  }

 private:
  at::Tensor loss(std::int64_t begin, std::int64_t end) const {
    const at::Tensor buffers = buffers_.clone();  // training-mode batch norm updates the running statistics
    const at::Tensor logits = run_eager(graph_, graph_.parameters.views(weights_), graph_.buffers.views(buffers),
                                        images_.range(begin, end), NormMode::kTrain);
    return at::cross_entropy_loss(logits, images_.labels().slice(0, begin, end));
  }

  const Graph& graph_;
  const ImageBatches& images_;
  std::int64_t count_;
  std::int64_t batch_;
  at::Tensor weights_;  // float32 [P], row-major, a leaf
  at::Tensor buffers_;
};

at::Tensor random_direction(const at::Tensor& like, std::uint64_t seed) {
  NormalStream normal(Philox(seed, RngPurpose::kDirection, 2));
  const at::Tensor v = at::empty(like.sizes(), at::kFloat);
  float* values = v.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < v.numel(); ++i) values[i] = static_cast<float>(normal.next());
  return (v / at::linalg_vector_norm(v)).to(like.device());
}

struct Ritz {
  double value = 0;
  double residual = 0;  // of its vector
};

// The largest Ritz value after these steps: the eigenvalue of the tridiagonal matrix with these diagonals. The last
// element of `beside` leads out of the matrix.
Ritz largest_ritz(const std::vector<double>& diagonal, const std::vector<double>& beside) {
  const auto size = static_cast<std::int64_t>(diagonal.size());
  const at::Tensor matrix = at::zeros({size, size}, at::kDouble);
  double* entry = matrix.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < size; ++i) {
    entry[i * (size + 1)] = diagonal[static_cast<std::size_t>(i)];
    if (i + 1 < size) entry[(i + 1) * size + i] = beside[static_cast<std::size_t>(i)];  // eigh reads the lower half
  }
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return {values[size - 1].item<double>(), beside.back() * std::abs(vectors[size - 1][size - 1].item<double>())};
}

}  // namespace

Sharpness measure_sharpness(const Graph& graph, const ImageBatches& images, const Weights& weights,
                            const SharpnessConfig& config) {
  const at::AutoGradMode record(true);
  const Hessian hessian(graph, images, weights, config);
  at::Tensor v = random_direction(hessian.weights().detach(), config.seed), before = at::zeros_like(v);
  std::vector<double> diagonal, beside;
  Sharpness out{NAN, 0, false};
  while (out.iterations < config.iterations && !out.converged) {
    if (stop_requested()) throw Stopped("stopped while sharpness was measured; run the same command again to go on");
    at::Tensor next = hessian.times(v);
    ++out.iterations;
    diagonal.push_back(at::dot(v, next).item<double>());
    if (!std::isfinite(diagonal.back())) return {NAN, out.iterations, false};
    next = next - diagonal.back() * v - (beside.empty() ? 0 : beside.back()) * before;
    beside.push_back(at::linalg_vector_norm(next).item<double>());
    const Ritz largest = largest_ritz(diagonal, beside);
    // The first iterations explore few directions, so a small residual may be that of a smaller eigenvalue.
    const bool is_small = largest.residual <= config.tolerance * std::abs(largest.value);
    out.converged = (is_small && out.iterations >= kFewestIterations) || beside.back() == 0;
    out.eigenvalue = largest.value;
    before = v;
    v = next / beside.back();
  }
  return out;
}

}  // namespace thalweg

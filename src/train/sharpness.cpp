#include "train/sharpness.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/normal.h"
#include "base/stop.h"
#include "nn/eager.h"

namespace thalweg {
namespace {

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

  // H v: float32 [P].
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
    const at::Tensor buffers = buffers_.clone();  // the running statistics move
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
  NormalStream normal(Philox(seed, Stream::kDirection, 2));
  const at::Tensor v = at::empty(like.sizes(), at::kFloat);
  float* values = v.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < v.numel(); ++i) values[i] = static_cast<float>(normal.next());
  return (v / at::linalg_vector_norm(v)).to(like.device());
}

// The eigenvalue of H - shift I of largest magnitude, from `v` on; plus shift.
Sharpness iterate(const Hessian& hessian, at::Tensor v, double shift, const SharpnessConfig& config) {
  Sharpness out;
  double before = NAN;
  while (out.iterations < config.iterations && !out.converged) {
    if (stop_requested()) throw Stopped("stopped while sharpness was measured; run the same command again to go on");
    const at::Tensor product = hessian.times(v) - shift * v;
    out.eigenvalue = at::dot(v, product).item<double>();
    ++out.iterations;
    const double length = at::linalg_vector_norm(product).item<double>();
    if (!std::isfinite(length) || length == 0) break;
    out.converged = std::abs(out.eigenvalue - before) <= config.tolerance * std::abs(out.eigenvalue);
    before = out.eigenvalue;
    v = product / length;
  }
  out.eigenvalue += shift;
  return out;
}

}  // namespace

Sharpness measure_sharpness(const Graph& graph, const ImageBatches& images, const Weights& weights,
                            const SharpnessConfig& config) {
  const at::AutoGradMode record(true);
  const Hessian hessian(graph, images, weights, config);
  const at::Tensor v = random_direction(hessian.weights().detach(), config.seed);
  const Sharpness first = iterate(hessian, v, 0, config);
  return first.eigenvalue < 0 ? iterate(hessian, v, first.eigenvalue, config) : first;
}

}  // namespace thalweg

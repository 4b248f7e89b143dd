// One update of the whole flat weight vector.
//
// SGD with momentum, as torch.optim.SGD (dampening 0; momentum starts at zero, so PyTorch's first step is the same):
//   g = gradient + decay_i * w;  v = momentum * v + g;  w -= lr * (nesterov ? g + momentum * v : v)
// AdamW, as torch.optim.AdamW (Loshchilov & Hutter 2019), at the t-th update:
//   w -= lr * decay_i * w;  m = beta1 * m + (1 - beta1) * gradient;  v = beta2 * v + (1 - beta2) * gradient^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"
#include "kernels/step_control.h"

namespace thalweg {

enum class OptimizerKind { kSgd, kAdamW };

struct UpdateArgs {
  OptimizerKind kind = OptimizerKind::kSgd;
  float* weights = nullptr;         // [P]
  float* first = nullptr;           // [P] momentum, or AdamW's first moment
  float* second = nullptr;          // [P] AdamW's second moment; unused by SGD
  const float* gradient = nullptr;  // [P]
  const float* decay = nullptr;     // [P] weight decay of each parameter
  std::int64_t num_parameters = 0;
  const StepControl* control = nullptr;  // learning rate and bias corrections
  float momentum = 0;                    // SGD's momentum, AdamW's beta1
  float beta2 = 0;
  float eps = 0;
  bool nesterov = false;
};

// An update reads all its inputs before it writes: the compiler must assume that the vectors alias, and would reload
// what a write may have changed.
THALWEG_HD inline void sgd_update(const UpdateArgs& args, std::int64_t i) {
  const float lr = args.control->lr, w = args.weights[i];
  const float g = args.gradient[i] + args.decay[i] * w;
  const float v = args.momentum * args.first[i] + g;
  args.first[i] = v;
  args.weights[i] = w - lr * (args.nesterov ? g + args.momentum * v : v);
}

THALWEG_HD inline void adamw_update(const UpdateArgs& args, std::int64_t i) {
  const StepControl control = *args.control;
  const float g = args.gradient[i], w = args.weights[i] * (1.0f - control.lr * args.decay[i]);
  const float m = args.momentum * args.first[i] + (1.0f - args.momentum) * g;
  const float v = args.beta2 * args.second[i] + (1.0f - args.beta2) * g * g;
  args.first[i] = m;
  args.second[i] = v;
  args.weights[i] = w - control.lr / control.first_correction * m / (sqrtf(v / control.second_correction) + args.eps);
}

void update_cpu(const UpdateArgs& args);
void update_cuda(const UpdateArgs& args, cudaStream_t stream);

}  // namespace thalweg

// One step of stochastic gradient descent with momentum over the whole flat vector, as torch.optim.SGD (dampening 0):
//   g = gradient + decay_i * w;  v = momentum * v + g;  w -= lr * (nesterov ? g + momentum * v : v)
// Momentum starts at zero (PyTorch's first step, v = g, is the same).
#pragma once

#include <cstdint>

#include "base/rng.h"  // THALWEG_HD

typedef struct CUstream_st* cudaStream_t;

namespace thalweg {

struct SgdArgs {
  float* weights = nullptr;         // [P]
  float* velocity = nullptr;        // [P] momentum buffer
  const float* gradient = nullptr;  // [P]
  const float* decay = nullptr;     // [P] weight decay of each parameter
  std::int64_t num_parameters = 0;
  float lr = 0;
  float momentum = 0;
  bool nesterov = false;
};

THALWEG_HD inline void sgd_update(const SgdArgs& args, std::int64_t i) {
  const float g = args.gradient[i] + args.decay[i] * args.weights[i];
  const float v = args.momentum * args.velocity[i] + g;
  args.velocity[i] = v;
  args.weights[i] -= args.lr * (args.nesterov ? g + args.momentum * v : v);
}

void sgd_step_cpu(const SgdArgs& args);
void sgd_step_cuda(const SgdArgs& args, cudaStream_t stream);

}  // namespace thalweg

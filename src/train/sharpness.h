// Sharpness: the largest eigenvalue of the Hessian of the train loss at given weights, by Lanczos iteration on exact
// Hessian-vector products (autograd's, through nn/eager.h). It keeps three vectors and does not reorthogonalise, which
// would only prevent repeated copies of an eigenvalue, not change its size. The loss is the one that training
// minimises: mean cross-entropy in nats on images without augmentation, with batch norm on the statistics of each
// batch. As always with autograd, kinks of ReLU do not contribute to the Hessian.
#pragma once

#include <cstdint>

#include "nn/graph.h"
#include "nn/images.h"
#include "nn/weights_file.h"

namespace thalweg {

struct SharpnessConfig {
  std::int64_t images = 500;     // the first of the split; all if it has fewer
  std::int64_t batch = 125;      // images that share batch-norm statistics
  std::int64_t iterations = 60;  // at most
  double tolerance = 0.005;      // stops when the residual is this small, relative to the eigenvalue
  std::uint64_t seed = 0;        // of the initial direction
};

// The residual |H u - lambda u| of a unit vector u bounds the distance from lambda to an eigenvalue; the error is of
// the order of its square. That lambda changes little from one iteration to the next says less: it may rest below the
// largest eigenvalue for a while.
struct Sharpness {
  double eigenvalue = 0;  // NaN if a gradient is not finite
  std::int64_t iterations = 0;
  bool converged = false;
};

// Expects weights in row-major order; runs on the images' device. Throws Stopped after a stop request.
Sharpness measure_sharpness(const Graph& graph, const ImageBatches& images, const Weights& weights,
                            const SharpnessConfig& config);

}  // namespace thalweg

// Sharpness: the largest eigenvalue of the Hessian of the train loss at given weights, by Lanczos iteration (three
// vectors of memory; without reorthogonalisation, which copies of an eigenvalue need and its size does not) on exact
// Hessian-vector products, autograd's through nn/eager.h. The loss is that which training goes down: mean cross-entropy
// in nats of images without augmentation, batch norm with the statistics of each batch. As everywhere where autograd
// makes a Hessian, kinks of ReLU do not count.
#pragma once

#include <cstdint>

#include "nn/graph.h"
#include "nn/images.h"
#include "nn/weights_file.h"

namespace thalweg {

struct SharpnessConfig {
  std::int64_t images = 500;     // the first of the split (fewer where it has fewer)
  std::int64_t batch = 125;      // images whose statistics a batch norm takes together
  std::int64_t iterations = 40;  // at most
  double tolerance = 0.01;       // relative change from one iteration to the next that ends it
  std::uint64_t seed = 0;        // of the first direction
};

struct Sharpness {
  double eigenvalue = 0;  // NaN where a gradient is not finite
  std::int64_t iterations = 0;
  bool converged = false;
};

// Weights in row-major order; works on the images' device. Throws Stopped after a stop was requested.
Sharpness measure_sharpness(const Graph& graph, const ImageBatches& images, const Weights& weights,
                            const SharpnessConfig& config);

}  // namespace thalweg

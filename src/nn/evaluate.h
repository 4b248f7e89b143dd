// Mean loss and accuracy of one set of weights over a split, with the compiled evaluator and running statistics.
#pragma once

#include <nlohmann/json.hpp>

#include "nn/evaluator.h"
#include "nn/images.h"

namespace thalweg {

struct SplitMetrics {
  double loss = 0;      // mean cross-entropy in nats
  double accuracy = 0;  // fraction in [0, 1]
  std::int64_t images = 0;
};

// The evaluator, which must stay, as what evaluate_images takes.
Network network_of(const Evaluator& evaluator);

SplitMetrics to_metrics(const LossSums& sums, std::int64_t images);

// `weights` float32 [P] and `buffers` [num_buffers] on the evaluator's device.
// With `stops` throws Stopped after a signal, for callers who lose nothing by it.
SplitMetrics evaluate_weights(Evaluator& evaluator, const at::Tensor& weights, const at::Tensor& buffers,
                              const ImageBatches& split, bool stops = false);

}  // namespace thalweg

// Mean loss and accuracy of one set of weights over a split, with the compiled evaluator and running statistics.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include "nn/evaluator.h"
#include "nn/images.h"

namespace thalweg {

struct SplitMetrics {
  double loss = 0;      // mean cross-entropy in nats
  double accuracy = 0;  // fraction in [0, 1]
  std::int64_t images = 0;
};

// Wraps the evaluator, which must outlive the result, as the Network that evaluate_images takes.
Network network_of(const Evaluator& evaluator);

SplitMetrics to_metrics(const LossSums& sums, std::int64_t images);

// `weights` is float32 [P] and `buffers` [num_buffers], on the evaluator's device. If `stops`, throws Stopped after a
// signal, for callers that lose nothing by it.
SplitMetrics evaluate_weights(Evaluator& evaluator, const at::Tensor& weights, const at::Tensor& buffers,
                              const ImageBatches& split, bool stops = false);

}  // namespace thalweg

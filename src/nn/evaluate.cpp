#include "nn/evaluate.h"

namespace thalweg {

SplitMetrics to_metrics(const LossSums& sums, std::int64_t images) {
  const double n = static_cast<double>(images);
  return {sums.loss / n, static_cast<double>(sums.correct) / n, images};
}

SplitMetrics evaluate_weights(Evaluator& evaluator, const at::Tensor& weights, const at::Tensor& buffers,
                              const ImageBatches& split) {
  evaluator.load(fold_weights(evaluator.program(), weights, buffers));
  const auto network = [&](const at::Tensor& images) { return evaluator.logits(images); };
  return to_metrics(sum_split_losses(split, network, default_chunk(evaluator.device())), split.size());
}

}  // namespace thalweg

#include "nn/evaluate.h"

namespace thalweg {

Network network_of(const Evaluator& evaluator) {
  return {[&evaluator](const at::Tensor& images) { return evaluator.logits(images); }, evaluator.type(),
          default_chunk(evaluator.device())};
}

SplitMetrics to_metrics(const LossSums& sums, std::int64_t images) {
  const double n = static_cast<double>(images);
  return {sums.loss / n, static_cast<double>(sums.correct) / n, images};
}

SplitMetrics evaluate_weights(Evaluator& evaluator, const at::Tensor& weights, const at::Tensor& buffers,
                              const ImageBatches& split) {
  evaluator.load(fold_weights(evaluator.program(), weights, buffers));
  return to_metrics(sum_split_losses(split, network_of(evaluator)), split.size());
}

}  // namespace thalweg

#include "nn/evaluate.h"

namespace thalweg {

Network network_of(const Evaluator& evaluator) {
  Network network{[&evaluator](const at::Tensor& images) { return evaluator.logits(images); }, evaluator.type(),
                  default_chunk(evaluator.device())};
  if (evaluator.flattens_images()) network.format = at::MemoryFormat::Contiguous;
  return network;
}

SplitMetrics to_metrics(const LossSums& sums, std::int64_t images) {
  const double n = static_cast<double>(images);
  return {sums.loss / n, static_cast<double>(sums.correct) / n, images};
}

SplitMetrics evaluate_weights(Evaluator& evaluator, const at::Tensor& weights, const at::Tensor& buffers,
                              const ImageBatches& split, bool stops) {
  evaluator.load(fold_weights(evaluator.program(), weights, buffers));
  Network network = network_of(evaluator);
  network.stops = stops;
  return to_metrics(sum_split_losses(split, network), split.size());
}

}  // namespace thalweg

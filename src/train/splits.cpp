#include "train/splits.h"

#include "base/stream.h"
#include "data/image_batches.h"
#include "nn/evaluate.h"

namespace thalweg {

std::vector<NamedSplit> watched_splits(const DataSet& data) {
  std::vector<NamedSplit> splits = {{"test", &data.test}};
  if (data.validation.size() > 0) splits.push_back({"validation", &data.validation});
  return splits;
}

Splits::Splits(const Graph& graph, const DataSet& data, c10::Device device)
    : train_(on_device(data.train, data.normalisation, device)), evaluator_(compile(graph), device) {
  for (const NamedSplit& split : watched_splits(data)) {
    watched_.push_back({split.name, on_device(*split.images, data.normalisation, device)});
  }
}

void Splits::evaluate_watched(const at::Tensor& weights, const at::Tensor& buffers, nlohmann::json& out) {
  for (const LoadedSplit& split : watched_) evaluate(weights, buffers, split.name, split.images, out);
}

void Splits::evaluate_train(const at::Tensor& weights, const at::Tensor& buffers, nlohmann::json& out) {
  evaluate(weights, buffers, "train", train_, out);
}

void Splits::evaluate(const at::Tensor& weights, const at::Tensor& buffers, const std::string& name,
                      const ImageBatches& images, nlohmann::json& out) {
  const bool is_first = images.labels().is_cuda() && evaluated_.insert(name).second;
  const std::unique_lock lock = is_first ? capture_lock() : std::unique_lock<std::mutex>();
  const SplitMetrics metrics = evaluate_weights(evaluator_, weights, buffers, images, stops_);
  out[name + "_loss"] = metrics.loss;
  out[name + "_accuracy"] = metrics.accuracy;
}

}  // namespace thalweg

#include "nn/norm_statistics.h"

#include <ATen/ATen.h>

namespace thalweg {
namespace {

at::Tensor vector_of(std::int64_t size, c10::Device device) {
  return at::zeros({size}, at::TensorOptions(at::kFloat).device(device));
}

}  // namespace

NormStatistics::NormStatistics(const Graph& graph, c10::Device device, at::ScalarType type, ConvPlans* plans)
    : graph_(graph),
      weights_(vector_of(graph.parameters.size(), device)),
      buffers_(vector_of(graph.buffers.size(), device)),
      backprop_(graph, {weights_, vector_of(graph.parameters.size(), device), buffers_}, type, plans) {}

at::Tensor NormStatistics::measure(const at::Tensor& weights, const at::Tensor& images) {
  weights_.copy_(graph_.parameters.to_training_order(weights));
  buffers_.zero_();
  backprop_.measure_statistics(images);
  return buffers_.clone();
}

}  // namespace thalweg

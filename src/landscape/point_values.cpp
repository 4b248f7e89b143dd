#include "landscape/point_values.h"

#include <ATen/ATen.h>

namespace thalweg {
namespace {

template <typename Value>
std::vector<Value> to_vector(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  const Value* data = host.const_data_ptr<Value>();
  return {data, data + host.numel()};
}

}  // namespace

ImageLosses to_losses(const ImageValues& values) {
  return {to_vector<double>(values.losses), to_vector<std::int32_t>(values.correct), to_vector<float>(values.margins)};
}

}  // namespace thalweg

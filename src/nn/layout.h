// How named tensors are laid out in one flat vector: row-major, one after the other, in declaration order (PyTorch's
// `state_dict` order of the usual definitions). Files and everything except training use this order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

namespace thalweg {

enum class TensorRole { kWeight, kBias, kNormWeight, kNormBias, kRunningMean, kRunningVar };

struct LayoutEntry {
  std::string name;                 // "layer1.0.conv1.weight"
  std::vector<std::int64_t> shape;  // as in PyTorch
  TensorRole role = TensorRole::kWeight;
  std::int64_t offset = 0;  // in elements
  std::int64_t numel = 0;
  std::int64_t fan_in = 0;  // inputs of a unit: sets the scale of initial weights and biases
};

class Layout {
 public:
  // Returns the entry's index.
  int add(const std::string& name, std::vector<std::int64_t> shape, TensorRole role, std::int64_t fan_in = 0);

  const std::vector<LayoutEntry>& entries() const { return entries_; }
  const LayoutEntry& operator[](int index) const { return entries_[static_cast<std::size_t>(index)]; }
  std::int64_t size() const { return size_; }

  // Views of `flat` [size()] in the entries' shapes; they share its storage.
  std::vector<at::Tensor> views(const at::Tensor& flat) const;

  // Views in training order, which differs only in that convolution weights, [K, C, R, S], are stored channels-last
  // (K, R, S, C), as convolutions of channels-last activations want them. It is used in memory only: files are
  // row-major.
  std::vector<at::Tensor> training_views(const at::Tensor& flat) const;
  // Returns a copy of `flat` [size()] in the other order.
  at::Tensor to_training_order(const at::Tensor& flat) const;
  at::Tensor from_training_order(const at::Tensor& flat) const;

 private:
  std::vector<LayoutEntry> entries_;
  std::int64_t size_ = 0;
};

// [{"name", "shape", "offset"}, ...], as stored in files.
nlohmann::json to_json(const Layout& layout);

}  // namespace thalweg

#include "nn/layout.h"

#include <functional>
#include <numeric>

#include <ATen/ATen.h>

#include "base/error.h"

namespace thalweg {

int Layout::add(const std::string& name, std::vector<std::int64_t> shape, TensorRole role, std::int64_t fan_in) {
  LayoutEntry entry{name, std::move(shape), role, size_, 0, fan_in};
  entry.numel = std::accumulate(entry.shape.begin(), entry.shape.end(), std::int64_t{1}, std::multiplies<>());
  size_ += entry.numel;
  entries_.push_back(std::move(entry));
  return static_cast<int>(entries_.size()) - 1;
}

std::vector<at::Tensor> Layout::views(const at::Tensor& flat) const {
  check(flat.dim() == 1 && flat.size(0) == size_, "a flat vector of {} elements was expected, got {} elements", size_,
        flat.numel());
  std::vector<at::Tensor> out;
  out.reserve(entries_.size());
  for (const LayoutEntry& entry : entries_) out.push_back(flat.narrow(0, entry.offset, entry.numel).view(entry.shape));
  return out;
}

std::vector<at::Tensor> Layout::training_views(const at::Tensor& flat) const {
  std::vector<at::Tensor> out = views(flat);
  for (at::Tensor& view : out) {
    if (view.dim() != 4) continue;
    const std::int64_t c = view.size(1), r = view.size(2), s = view.size(3);
    view = view.as_strided(view.sizes(), {c * r * s, 1, s * c, c});
  }
  return out;
}

at::Tensor Layout::to_training_order(const at::Tensor& flat) const {
  const at::Tensor out = at::empty_like(flat);
  const std::vector<at::Tensor> from = views(flat), to = training_views(out);
  for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
  return out;
}

at::Tensor Layout::from_training_order(const at::Tensor& flat) const {
  const at::Tensor out = at::empty_like(flat);
  const std::vector<at::Tensor> from = training_views(flat), to = views(out);
  for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
  return out;
}

nlohmann::json to_json(const Layout& layout) {
  nlohmann::json out = nlohmann::json::array();
  for (const LayoutEntry& entry : layout.entries()) {
    out.push_back({{"name", entry.name}, {"shape", entry.shape}, {"offset", entry.offset}});
  }
  return out;
}

}  // namespace thalweg

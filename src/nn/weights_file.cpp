#include "nn/weights_file.h"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include "base/error.h"
#include "io/safetensors.h"

namespace thalweg {
namespace {

constexpr std::string_view kTracked = ".num_batches_tracked";
// Prefixes that torch.nn.DataParallel and torch.compile give to all names.
constexpr std::string_view kPrefixes[] = {"module.", "_orig_mod."};

std::string tracked_name(const std::string& running_mean) {
  return running_mean.substr(0, running_mean.rfind('.')) + std::string(kTracked);
}

std::string plain_name(std::string name) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string_view prefix : kPrefixes) {
      if (!name.starts_with(prefix)) continue;
      name.erase(0, prefix.size());
      changed = true;
    }
  }
  return name;
}

std::map<std::string, at::Tensor> tensors_by_plain_name(const std::filesystem::path& file) {
  const SafetensorsFile content = read_safetensors(file);
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, tensor] : content.tensors) {
    if (name.ends_with(kTracked)) continue;
    const std::string plain = plain_name(name);
    check(out.emplace(plain, tensor).second, "{}: it holds '{}' twice, with and without a prefix ('{}')", file.string(),
          plain, name);
  }
  return out;
}

// What does not fit, a text for each tensor.
struct Misfits {
  std::vector<std::string> missing, unsuitable, unexpected;

  // The first few of each kind: a file with other names has many of two kinds, and one of each shows what to rename.
  std::string text() const {
    constexpr std::size_t kShown = 3;
    std::vector<std::string> parts;
    for (const auto* kind : {&missing, &unsuitable, &unexpected}) {
      const std::size_t shown = std::min(kind->size(), kShown);
      parts.insert(parts.end(), kind->begin(), kind->begin() + static_cast<std::ptrdiff_t>(shown));
      if (kind->size() > shown) parts.back() += fmt::format(" (and {} more)", kind->size() - shown);
    }
    return fmt::format("{}", fmt::join(parts, "; "));
  }
};

// Moves the tensors of `layout` out of `tensors` into a flat vector.
at::Tensor gather(const Layout& layout, std::map<std::string, at::Tensor>& tensors, Misfits& misfits) {
  const at::Tensor flat = at::zeros({layout.size()}, at::kFloat);
  const std::vector<at::Tensor> views = layout.views(flat);
  for (std::size_t i = 0; i < views.size(); ++i) {
    const LayoutEntry& entry = layout.entries()[i];
    const auto found = tensors.find(entry.name);
    if (found == tensors.end()) {
      misfits.missing.push_back(fmt::format("'{}' is missing", entry.name));
      continue;
    }
    if (!at::isFloatingType(found->second.scalar_type())) {
      misfits.unsuitable.push_back(
          fmt::format("'{}' has type {}, expected a floating-point type", entry.name, found->second.dtype().name()));
    } else if (found->second.sizes() != at::IntArrayRef(entry.shape)) {
      misfits.unsuitable.push_back(fmt::format("'{}' has shape [{}], expected [{}]", entry.name,
                                               fmt::join(found->second.sizes(), ", "), fmt::join(entry.shape, ", ")));
    } else {
      views[i].copy_(found->second);
    }
    tensors.erase(found);
  }
  return flat;
}

}  // namespace

void write_weights(const std::filesystem::path& file, const Graph& graph, const Weights& weights,
                   std::int64_t num_updates, const nlohmann::json& description) {
  std::vector<NamedTensor> tensors;
  const auto add = [&](const Layout& layout, const at::Tensor& flat) {
    const std::vector<at::Tensor> views = layout.views(flat);
    for (std::size_t i = 0; i < views.size(); ++i) {
      const LayoutEntry& entry = layout.entries()[i];
      tensors.push_back({entry.name, views[i]});
      if (entry.role == TensorRole::kRunningMean) {
        tensors.push_back({tracked_name(entry.name), at::scalar_tensor(num_updates, at::kLong)});
      }
    }
  };
  add(graph.parameters, weights.weights);
  add(graph.buffers, weights.buffers);
  write_safetensors(file, tensors, {{"format", "pt"}, {"thalweg", description.dump()}});
}

Weights read_weights(const std::filesystem::path& file, const Graph& graph) {
  std::map<std::string, at::Tensor> tensors = tensors_by_plain_name(file);
  Misfits misfits;
  Weights out;
  out.weights = gather(graph.parameters, tensors, misfits);
  out.buffers = gather(graph.buffers, tensors, misfits);
  for (const auto& [name, tensor] : tensors) misfits.unexpected.push_back(fmt::format("'{}' is not expected", name));
  const std::string text = misfits.text();
  check(text.empty(), "{}: these are not weights of {}: {}", file.string(), graph.name, text);
  return out;
}

nlohmann::json read_weights_description(const std::filesystem::path& file) {
  const auto metadata = read_safetensors_metadata(file);
  check(!metadata.contains("plane"), "{} is a plane of weight space, not one set of weights", file.string());
  const auto found = metadata.find("thalweg");
  if (found == metadata.end()) return nullptr;
  nlohmann::json description = nlohmann::json::parse(found->second, nullptr, false);
  check(description.is_object(),
        "{}: the description of the network in its metadata is damaged: expected a JSON object", file.string());
  return description;
}

}  // namespace thalweg

#include "report/map_values.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/error.h"
#include "io/json_member.h"
#include "report/levels.h"

namespace thalweg {
namespace {

struct Kind {
  const char* stem;  // the key without "train_" or "test_"
  const char* name;
  const char* unit;
  Shade shade;
};

constexpr Kind kKinds[] = {{"loss", "Loss", "nats", Shade::kLowIsLight},
                           {"acc", "Accuracy", "%", Shade::kHighIsLight},
                           {"error", "Error", "%", Shade::kLowIsLight},
                           {"gap_loss", "Test minus train loss", "nats", Shade::kDiverging},
                           {"loss_q50", "Median loss", "nats", Shade::kLowIsLight},
                           {"loss_q05", "Loss, 5 % quantile", "nats", Shade::kLowIsLight},
                           {"loss_q25", "Loss, 25 % quantile", "nats", Shade::kLowIsLight},
                           {"loss_q75", "Loss, 75 % quantile", "nats", Shade::kLowIsLight},
                           {"loss_q95", "Loss, 95 % quantile", "nats", Shade::kLowIsLight},
                           {"margin", "Margin", "logits", Shade::kDiverging},
                           {"loss_stderr", "Standard error of the loss", "nats", Shade::kLowIsLight},
                           {"acc_stderr", "Standard error of the accuracy", "%", Shade::kLowIsLight},
                           {"margin_stderr", "Standard error of the margin", "logits", Shade::kLowIsLight},
                           {"images", "Images used", "", Shade::kLowIsLight},
                           {"weight_norm", "Norm of the weights", "", Shade::kLowIsLight}};
constexpr Kind kStackKinds[] = {{"class_loss", "Loss of ", "nats", Shade::kLowIsLight},
                                {"class_acc", "Accuracy of ", "%", Shade::kHighIsLight}};
constexpr const char* kSplits[] = {"train", "test"};

std::string in_lower_case(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string panel_title(const std::string& split, const std::string& name) {
  return (split == "train" ? "Train " : "Test ") + in_lower_case(name);
}

std::string title_of(const Surface& surface, const std::string& key, const std::string& split, const Kind& kind) {
  if (key != "test_loss") return panel_title(split, kind.name);
  std::string title = test_loss_name(surface);
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

std::string class_name(const Surface& surface, std::size_t index) {
  const nlohmann::json names = member(surface.provenance, "classes");
  return names.is_array() && index < names.size() && names[index].is_string() ? names[index].get<std::string>()
                                                                              : fmt::format("class {}", index);
}

// The values over all images under this stem: of both splits, or of neither.
MapValue value_of(const Surface& surface, const Kind& kind) {
  MapValue value{kind.name, "", kind.unit, kind.shade, {}};
  for (const char* split : kSplits) {
    const std::string key = fmt::format("{}_{}", split, kind.stem);
    if (!surface.has(key)) continue;
    value.panels.push_back({key, split, title_of(surface, key, split, kind), surface.values.at(key)});
  }
  if (surface.has(kind.stem)) value.panels.push_back({kind.stem, "", kind.name, surface.values.at(kind.stem)});
  return value;
}

// The value at one layer of each split's stack.
MapValue layer_of(const Surface& surface, const Kind& kind, std::size_t layer) {
  const std::size_t size = surface.x.size() * surface.y.size();
  const std::string name = kind.name + class_name(surface, layer);
  MapValue value{name, std::string(kind.name) + "a class", kind.unit, kind.shade, {}};
  for (const char* split : kSplits) {
    const std::string key = fmt::format("{}_{}", split, kind.stem);
    const auto found = surface.stacks.find(key);
    if (found == surface.stacks.end() || found->second.size() < (layer + 1) * size) continue;
    const auto begin = found->second.begin() + static_cast<std::ptrdiff_t>(layer * size);
    value.panels.push_back({fmt::format("{}/{}", key, layer),
                            split,
                            panel_title(split, name),
                            {begin, begin + static_cast<std::ptrdiff_t>(size)}});
  }
  return value;
}

bool is_finite_somewhere(const MapValue& value) {
  return std::any_of(value.panels.begin(), value.panels.end(), [](const MapPanel& panel) {
    return std::any_of(panel.values.begin(), panel.values.end(), [](double v) { return std::isfinite(v); });
  });
}

}  // namespace

std::vector<MapValue> map_values(const Surface& surface, std::size_t max_numbers, std::size_t* left_out) {
  std::vector<MapValue> all;
  for (const Kind& kind : kKinds) all.push_back(value_of(surface, kind));
  for (const Kind& kind : kStackKinds) {
    for (std::size_t layer = 0;; ++layer) {
      MapValue value = layer_of(surface, kind, layer);
      if (value.panels.empty()) break;
      all.push_back(std::move(value));
    }
  }
  std::vector<MapValue> values;
  std::size_t numbers = 0;
  *left_out = 0;
  for (MapValue& value : all) {
    const bool main = value.name == "Loss" || value.name == "Accuracy";
    if (value.panels.empty() || (!main && !is_finite_somewhere(value))) continue;
    const std::size_t more = value.panels.size() * surface.x.size() * surface.y.size();
    if (!main && numbers + more > max_numbers) {
      ++*left_out;
      continue;
    }
    numbers += more;
    values.push_back(std::move(value));
  }
  return values;
}

std::string test_loss_name(const Surface& surface) {
  const nlohmann::json name = member(surface.provenance, "test_loss_name");
  return name.is_string() ? name.get<std::string>() : "test loss";
}

LevelScale scale_of(const MapValue& value, std::size_t max_levels) {
  std::vector<const std::vector<double>*> panels;
  for (const MapPanel& panel : value.panels) panels.push_back(&panel.values);
  switch (value.shade) {
    case Shade::kLowIsLight:
      return choose_levels(panels, max_levels);
    case Shade::kHighIsLight:
      return choose_linear_levels(panels, max_levels);
    case Shade::kDiverging:
      return choose_diverging_levels(panels, max_levels);
  }
  fail("unknown shade");
}

}  // namespace thalweg

#include "report/map_notes.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/json_member.h"

namespace thalweg {
namespace {

using nlohmann::json;

constexpr const char* kSplits[] = {"train", "test"};

json landscape_of(const Surface& surface) {
  return member(surface.provenance, "landscape");
}

std::size_t of(const std::array<std::size_t, 4>& cells, Cell kind) {
  return cells[static_cast<std::size_t>(kind)];
}

std::string number_text(const json& value, const std::string& unit, double factor = 1) {
  return value.is_number() ? fmt::format("{:.2g}{}", factor * value.get<double>(), unit) : "not finite";
}

std::string points_text(std::size_t count) {
  return fmt::format("{} point{}", count, count == 1 ? "" : "s");
}

std::string are(std::size_t count) {
  return points_text(count) + (count == 1 ? " is" : " are");
}

std::string joined(const std::string& so_far, const std::string& more) {
  return so_far.empty() ? more : so_far + ", " + more;
}

// The text of an object by split: "0.021 nats (train), 0.03 nats (test)".
std::string by_split(const json& values, const std::string& unit, double factor = 1) {
  std::string text;
  for (const char* split : kSplits) {
    if (!values.is_object() || !values.contains(split)) continue;
    text = joined(text, fmt::format("{} ({})", number_text(values[split], unit, factor), split));
  }
  return text;
}

// The largest finite value of each split's `stem` at estimated points, in the form that by_split expects; null if no
// value is finite.
json largest_of_estimated(const Surface& surface, const std::string& stem) {
  json out = json::object();
  const std::vector<double>& cell = surface.values.at("cell");
  for (const char* split : kSplits) {
    const auto found = surface.values.find(split + stem);
    if (found == surface.values.end()) continue;
    out[split] = nullptr;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const double v = found->second[i];
      if (cell[i] != static_cast<double>(Cell::kEstimated)) continue;
      if (std::isfinite(v) && (out[split].is_null() || v > out[split])) out[split] = v;
    }
  }
  return out;
}

// "400 train and 400 test images", or "300 to 2000 train images" if estimated points differ; only these count.
std::string sample_text(const Surface& surface) {
  const auto cell = surface.values.find("cell");
  std::string text;
  for (const char* split : kSplits) {
    const auto found = surface.values.find(std::string(split) + "_images");
    if (found == surface.values.end() || cell == surface.values.end()) continue;
    double least = INFINITY, most = 0;
    for (std::size_t i = 0; i < found->second.size(); ++i) {
      if (cell->second[i] != static_cast<double>(Cell::kEstimated) || !std::isfinite(found->second[i])) continue;
      least = std::min(least, found->second[i]);
      most = std::max(most, found->second[i]);
    }
    if (most == 0) continue;
    const std::string range =
        least == most ? fmt::format("{:.0f}", most) : fmt::format("{:.0f} to {:.0f}", least, most);
    text += fmt::format("{}{} {}", text.empty() ? "" : " and ", range, split);
  }
  return text.empty() ? "" : text + " images";
}

// "all 2000 train and 2000 test images"; leaves out numbers that the map does not state.
std::string all_images_text(const Surface& surface) {
  const json landscape = landscape_of(surface);
  std::string text;
  for (const char* split : kSplits) {
    const json count = member(landscape, std::string(split) + "_images");
    if (!surface.has(std::string(split) + "_loss") || !count.is_number_integer() || count <= 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " and ", count.get<std::int64_t>(), split);
  }
  return text.empty() ? "all images" : "all " + text + " images";
}

std::string adaptive_text(const Surface& surface, const json& adaptive) {
  const auto cells = count_cells(surface);
  std::string text = fmt::format("Adaptive map: {} exact ({})", are(of(cells, Cell::kExact)), all_images_text(surface));
  if (of(cells, Cell::kEstimated) > 0)
    text += fmt::format(", {} estimated from samples of {}", are(of(cells, Cell::kEstimated)), sample_text(surface));
  if (of(cells, Cell::kInterpolated) > 0) text += fmt::format(", {} interpolated", are(of(cells, Cell::kInterpolated)));
  text += fmt::format(", to within {}.", by_split(member(adaptive, "tolerance"), " nats"));
  const auto audited = adaptive.value("audited", std::size_t{0}),
             violations = adaptive.value("violations", std::size_t{0});
  text +=
      fmt::format(" {}: {} of {} audited points {} by more; the largest deviation is {}.",
                  adaptive.value("certified", false) ? "Certified" : "NOT certified",
                  violations == 0 ? "none" : std::to_string(violations), audited,
                  violations > 1 ? "deviate" : "deviates", by_split(member(adaptive, "largest_deviation"), " nats"));
  return text;
}

std::string sampled_text(const Surface& surface) {
  const auto cells = count_cells(surface);
  return fmt::format(
      "Sampled map: {} estimated from a sample of {}, {} exact ({}); the largest standard error of the loss is {}.",
      are(of(cells, Cell::kEstimated)), sample_text(surface), are(of(cells, Cell::kExact)), all_images_text(surface),
      by_split(largest_of_estimated(surface, "_loss_stderr"), " nats"));
}

std::string unfinished_text(const Surface& surface) {
  const auto cells = count_cells(surface);
  std::string parts;
  const auto add = [&](Cell kind, const char* what) {
    if (of(cells, kind) > 0) parts = joined(parts, fmt::format("{} {}", of(cells, kind), what));
  };
  add(Cell::kExact, "exact");
  add(Cell::kEstimated, "estimated");
  add(Cell::kInterpolated, "only interpolated");
  add(Cell::kMissing, "missing");
  return fmt::format("This map is unfinished. State of its {}: {}.", points_text(surface.x.size() * surface.y.size()),
                     parts);
}

// `states_errors`: whether the notes state errors of the values, which do not include the deviation from float32.
std::string audit_text(const json& audit, const json& precision, bool states_errors) {
  const auto type = [](const json& name) { return name == "float16" ? "float16" : "bfloat16"; };
  if (!audit.is_object())
    return precision == "float32" || !precision.is_string()
               ? ""
               : fmt::format(" Evaluated in {}, not compared with float32 yet.", type(precision));
  const char* reduced = type(member(audit, "precision"));
  const std::string deviation = by_split(member(audit, "largest_deviation"), " %", 100);
  const std::string limit = number_text(member(audit, "limit"), " %", 100);
  const json difference = member(audit, "largest_difference");
  if (audit.contains("made_again_in")) {
    const std::string how = member(audit, "excess") == "difference"
                                ? fmt::format("{}, more than the requested error", by_split(difference, " nats"))
                                : fmt::format("{} of the loss (the limit is {})", deviation, limit);
    return fmt::format(" A first map in {} deviated from float32 by up to {}, so this one was made in float32.",
                       reduced, how);
  }
  return fmt::format(
      " Evaluated in {}: at {} audited points the loss deviates from float32 by up to {}; the limit is {}.{}", reduced,
      audit.value("points", 0), deviation, limit,
      states_errors && difference.is_object()
          ? fmt::format(" The errors stated above do not include this deviation, which is up to {}.",
                        by_split(difference, " nats"))
          : "");
}

// Reports the points at which the reduced precision overflowed.
std::string fallback_text(const Surface& surface) {
  const auto fell_back = surface.values.find("fell_back");
  if (fell_back == surface.values.end()) return "";
  const auto count = std::count(fell_back->second.begin(), fell_back->second.end(), 1.0);
  return count == 0 ? ""
                    : fmt::format(" Where the reduced precision overflowed, float32 was used instead ({}).",
                                  points_text(static_cast<std::size_t>(count)));
}

}  // namespace

std::array<std::size_t, 4> count_cells(const Surface& surface) {
  std::array<std::size_t, 4> counts{};
  const auto cell = surface.values.find("cell");
  if (cell == surface.values.end()) {
    counts[0] = surface.x.size() * surface.y.size();
    return counts;
  }
  for (const double kind : cell->second) {
    const double missing = static_cast<double>(Cell::kMissing);
    ++counts[static_cast<std::size_t>(kind >= 0 && kind <= missing ? kind : missing)];
  }
  return counts;
}

bool is_all_exact(const Surface& surface) {
  return of(count_cells(surface), Cell::kExact) == surface.x.size() * surface.y.size();
}

std::size_t num_not_finite(const Surface& surface) {
  std::vector<bool> bad(surface.x.size() * surface.y.size(), false);
  const auto cell = surface.values.find("cell");
  for (const char* key : {"train_loss", "train_acc", "test_loss", "test_acc"}) {
    const auto found = surface.values.find(key);
    if (found == surface.values.end()) continue;
    for (std::size_t i = 0; i < found->second.size() && i < bad.size(); ++i) {
      const bool missing = cell != surface.values.end() && cell->second[i] == static_cast<double>(Cell::kMissing);
      if (!std::isfinite(found->second[i]) && !missing) bad[i] = true;
    }
  }
  return static_cast<std::size_t>(std::count(bad.begin(), bad.end(), true));
}

std::string how_values_came(const Surface& surface) {
  const json landscape = landscape_of(surface), adaptive = member(landscape, "adaptive");
  if (!landscape.is_object()) return "";
  std::string text;
  if (is_unfinished(surface)) {
    text = unfinished_text(surface);
  } else if (is_all_exact(surface)) {
    text = fmt::format("Exact map: every value is computed over {}.", all_images_text(surface));
  } else if (adaptive.is_object()) {
    text = adaptive_text(surface, adaptive);
  } else {
    text = sampled_text(surface);
  }
  return text +
         audit_text(member(landscape, "audit"), member(landscape, "precision"),
                    !is_unfinished(surface) && !is_all_exact(surface)) +
         fallback_text(surface);
}

bool needs_warning(const Surface& surface) {
  const json adaptive = member(landscape_of(surface), "adaptive");
  return is_unfinished(surface) || (adaptive.is_object() && adaptive.value("certified", false) == false);
}

}  // namespace thalweg

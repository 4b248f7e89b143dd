#include "report/rate_curve.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "io/json_member.h"
#include "train/schedule.h"

namespace thalweg {
namespace {

constexpr std::int64_t kSamples = 400;
constexpr std::size_t kMostChanges = 2000;  // a rate that changes more often is sampled like a smooth one

std::optional<std::int64_t> integer(const nlohmann::json& object, const char* key) {
  const nlohmann::json value = member(object, key);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

// Adds a corner; one in the middle of a level line is not needed.
void add_corner(std::vector<RatePoint>& curve, const RatePoint& point) {
  const std::size_t n = curve.size();
  if (n >= 2 && curve[n - 2].lr == point.lr && curve[n - 1].lr == point.lr) {
    curve.back() = point;
  } else {
    curve.push_back(point);
  }
}

}  // namespace

std::vector<RatePoint> rate_curve(const nlohmann::json& identity, const nlohmann::json& status,
                                  std::int64_t known_step) {
  const nlohmann::json train = member(identity, "train");
  const std::optional<std::int64_t> first = integer(identity, "first_step"), end = integer(status, "end_step"),
                                    steps_per_epoch = integer(status, "steps_per_epoch");
  if (!member(train, "epochs").is_number() || !member(train, "schedule").is_object() || !first || !end ||
      !steps_per_epoch || *steps_per_epoch < 1)
    return {};
  std::vector<RatePoint> curve;
  try {
    const Schedule schedule(member(train, "schedule"), "schedule", *steps_per_epoch, train.at("epochs").get<double>(),
                            *end - *first);
    const std::int64_t count = std::min(std::max(known_step, integer(status, "step").value_or(0)), *end) - *first;
    std::vector<std::int64_t> changes = schedule.change_steps(count);
    if (changes.size() > kMostChanges) changes.clear();
    std::set<std::int64_t> steps(changes.begin(), changes.end());
    for (std::int64_t k = 0; k < std::min(count, kSamples); ++k) steps.insert(k * count / std::min(count, kSamples));
    const auto add = [&](std::int64_t place, std::int64_t update) {
      const double epoch = static_cast<double>(*first + place) / static_cast<double>(*steps_per_epoch);
      add_corner(curve, {epoch, schedule.lr(update)});
    };
    for (const std::int64_t step : steps) {
      if (std::ranges::binary_search(changes, step)) add(step, step - 1);  // the rate before a jump
      add(step, step);
    }
    if (count > 0) add(count, count - 1);
  } catch (const Error&) {
    curve.clear();  // a schedule of another version: the other curves can still be shown
  }
  return curve;
}

}  // namespace thalweg

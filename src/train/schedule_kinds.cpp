#include "train/schedule_kinds.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr double kMaxLr = 1e6;

double read_lr(ConfigReader& reader) {
  return reader.required_double("lr", 0, kMaxLr);
}

double read_end_lr(ConfigReader& reader) {
  return reader.get_double("end_lr", 0, 0, kMaxLr);
}

double read_factor(ConfigReader& reader) {
  return reader.get_double("factor", 0.1, 0, 1e6);
}

std::int64_t required_time(ConfigReader& reader, const std::string& key, const ScheduleTimes& times) {
  return times.steps(reader.required_double(key, 0, kMaxScheduleEpochs));
}

struct Length {
  double epochs;
  std::int64_t steps;
};

// Returns a length in steps. `fallback` gives the same steps whether written out or not; any other length must be at
// least one step.
std::int64_t read_length(ConfigReader& reader, const std::string& key, const ScheduleTimes& times,
                         const Length& fallback) {
  constexpr double kRounding = 1e-9;
  const double epochs = reader.get_double(key, fallback.epochs, 0, kMaxScheduleEpochs);
  if (std::abs(epochs - fallback.epochs) < kRounding) return fallback.steps;
  const std::int64_t steps = times.steps(epochs);
  if (steps < 1) fail_usage("{} is {} epochs, less than one step", reader.full_name(key), epochs);
  return steps;
}

std::int64_t required_length(ConfigReader& reader, const std::string& key, const ScheduleTimes& times) {
  reader.required_double(key, 0, kMaxScheduleEpochs);  // the key has no default
  return read_length(reader, key, times, {-1, 0});
}

// The part of the run that remains after epoch `start`; may be empty.
Length rest(const ScheduleTimes& times, double start = 0) {
  const std::int64_t steps = times.end_step - times.steps(times.warmup) - times.steps(start);
  return {std::max(times.end - times.warmup - start, 0.0), std::max<std::int64_t>(steps, 0)};
}

// `lr` until the first of `steps`, multiplied by `factor` at each of them.
Piecewise drops(double lr, double factor, const std::vector<std::int64_t>& steps) {
  Piecewise shape{.knots = {{0, lr}}};
  for (const std::int64_t step : steps) {
    shape.knots.push_back({static_cast<double>(step), lr * std::pow(factor, static_cast<double>(shape.knots.size()))});
  }
  return shape;
}

struct Ramp {
  double from;
  double to;
  std::int64_t start = 0;
  std::int64_t length;
};

Piecewise make_ramp(const Ramp& ramp, Curve curve) {
  return {
      .knots = {{static_cast<double>(ramp.start), ramp.from}, {static_cast<double>(ramp.start + ramp.length), ramp.to}},
      .curve = curve};
}

ScheduleShape read_constant(ConfigReader& reader, const ScheduleTimes&) {
  return Piecewise{.knots = {{0, read_lr(reader)}}};
}

ScheduleShape read_late_decay(ConfigReader& reader, const ScheduleTimes& times) {
  const double lr = read_lr(reader);
  return drops(lr, read_factor(reader), {required_time(reader, "decay_at", times)});
}

ScheduleShape read_step(ConfigReader& reader, const ScheduleTimes& times) {
  return Staircase{
      .lr = read_lr(reader), .factor = read_factor(reader), .every = required_length(reader, "every", times)};
}

ScheduleShape read_multi_step(ConfigReader& reader, const ScheduleTimes& times) {
  const double lr = read_lr(reader);
  const std::vector<double> epochs = reader.get_doubles("milestones", {});
  if (epochs.empty()) fail_usage("{} must list at least one epoch", reader.full_name("milestones"));
  std::vector<std::int64_t> steps;
  double last = 0;
  for (const double epoch : epochs) {
    if (epoch < 0 || epoch > kMaxScheduleEpochs || (!steps.empty() && epoch <= last)) {
      fail_usage("{} must be ascending epochs between 0 and {}, but has {}", reader.full_name("milestones"),
                 kMaxScheduleEpochs, epoch);
    }
    steps.push_back(times.steps(epoch));
    last = epoch;
  }
  return drops(lr, read_factor(reader), steps);
}

Piecewise read_ramp(ConfigReader& reader, const ScheduleTimes& times, Curve curve) {
  return make_ramp(
      {.from = read_lr(reader), .to = read_end_lr(reader), .length = read_length(reader, "epochs", times, rest(times))},
      curve);
}

ScheduleShape read_linear(ConfigReader& reader, const ScheduleTimes& times) {
  return read_ramp(reader, times, Curve::kLinear);
}

ScheduleShape read_cosine(ConfigReader& reader, const ScheduleTimes& times) {
  return read_ramp(reader, times, Curve::kCosine);
}

ScheduleShape read_polynomial(ConfigReader& reader, const ScheduleTimes& times) {
  Piecewise shape = read_ramp(reader, times, Curve::kPower);
  shape.power = reader.get_double("power", 1, 0, 100);
  return shape;
}

ScheduleShape read_wsd(ConfigReader& reader, const ScheduleTimes& times) {
  const double start = reader.required_double("decay_at", 0, kMaxScheduleEpochs);
  const std::string curve = reader.get_choice("shape", "linear", {"linear", "cosine", "sqrt"});
  return make_ramp({.from = read_lr(reader),
                    .to = read_end_lr(reader),
                    .start = times.steps(start),
                    .length = read_length(reader, "decay_epochs", times, rest(times, start))},
                   curve == "linear"   ? Curve::kLinear
                   : curve == "cosine" ? Curve::kCosine
                                       : Curve::kSqrt);
}

// The turning points are those of torch's OneCycleLR: the top at pct_start * T - 1, the end at T - 1.
ScheduleShape read_one_cycle(ConfigReader& reader, const ScheduleTimes& times) {
  const double top = read_lr(reader);
  const double first = top / reader.get_double("div_factor", 25, 1, 1e12);
  const double last = first / reader.get_double("final_div_factor", 1e4, 1, 1e12);
  const double part = reader.get_double("pct_start", 0.3, 0, 1);
  const auto total = static_cast<double>(read_length(reader, "epochs", times, rest(times)));
  const std::string curve = reader.get_choice("shape", "cosine", {"cosine", "linear"});
  const double top_at = part * total - 1;
  Piecewise shape{.knots = {{std::min(0.0, top_at), first}, {top_at, top}},
                  .curve = curve == "cosine" ? Curve::kCosine : Curve::kLinear};
  if (part < 1) shape.knots.push_back({total - 1, last});
  return shape;
}

ScheduleShape read_inverse_sqrt(ConfigReader& reader, const ScheduleTimes& times) {
  return InverseSqrt{.lr = read_lr(reader), .timescale = required_length(reader, "timescale", times)};
}

ScheduleShape read_cyclic(ConfigReader& reader, const ScheduleTimes& times) {
  const double high = read_lr(reader);
  const Length up{reader.required_double("up_epochs", 0, kMaxScheduleEpochs),
                  required_length(reader, "up_epochs", times)};
  Cyclic shape{.low = reader.required_double("base_lr", 0, high),
               .high = high,
               .up = up.steps,
               .down = read_length(reader, "down_epochs", times, up)};
  const std::string mode = reader.get_choice("mode", "triangular", {"triangular", "triangular2", "exp_range"});
  if (mode == "triangular2") shape.cycle_factor = 0.5;
  if (mode == "exp_range") shape.step_factor = reader.required_double("gamma", 0, 1);
  return shape;
}

ScheduleShape read_table(ConfigReader& reader, const ScheduleTimes& times) {
  const std::string name = reader.full_name("points");
  const nlohmann::json& points = reader.get_json("points");
  if (!points.is_array() || points.empty()) fail_usage("{}: expected a list of [epoch, lr] pairs", name);
  Piecewise shape;
  double last = 0;
  for (const auto& point : points) {
    const bool is_pair = point.is_array() && point.size() == 2 && point[0].is_number() && point[1].is_number();
    if (!is_pair) fail_usage("{}: expected pairs [epoch, lr] of numbers, got {}", name, point.dump());
    const auto epoch = point[0].get<double>(), lr = point[1].get<double>();
    if (shape.knots.empty() && epoch != 0) fail_usage("{}: the first point must be at epoch 0, not {}", name, epoch);
    if (!shape.knots.empty() && !(epoch > last && epoch <= kMaxScheduleEpochs))
      fail_usage("{}: epochs must be ascending and at most {}, but one is {}", name, kMaxScheduleEpochs, epoch);
    if (!(lr >= 0 && lr <= kMaxLr)) fail_usage("{}: rates must be between 0 and {}, but one is {}", name, kMaxLr, lr);
    shape.knots.push_back({static_cast<double>(times.steps(epoch)), lr});
    last = epoch;
  }
  const std::string between = reader.get_choice("interpolation", "linear", {"linear", "step"});
  shape.curve = between == "linear" ? Curve::kLinear : Curve::kHold;
  return shape;
}

struct Kind {
  const char* name;
  ScheduleShape (*read)(ConfigReader&, const ScheduleTimes&);
};

constexpr Kind kKinds[] = {{"constant", read_constant},
                           {"late_decay", read_late_decay},
                           {"step", read_step},
                           {"multi_step", read_multi_step},
                           {"linear", read_linear},
                           {"cosine", read_cosine},
                           {"polynomial", read_polynomial},
                           {"wsd", read_wsd},
                           {"one_cycle", read_one_cycle},
                           {"inverse_sqrt", read_inverse_sqrt},
                           {"cyclic", read_cyclic},
                           {"table", read_table}};

}  // namespace

std::int64_t ScheduleTimes::steps(double epochs) const {
  return std::llround(epochs * static_cast<double>(steps_per_epoch));
}

ScheduleShape read_schedule_shape(ConfigReader& reader, const ScheduleTimes& times) {
  reader.required_string("kind");  // the key has no default
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  const std::string name = reader.get_choice("kind", "", names);
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == name; });
  return kind->read(reader, times);
}

}  // namespace thalweg

#include "theory/config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/config_reader.h"
#include "kernels/theory.h"
#include "landscape/grid.h"

namespace thalweg {
namespace {

constexpr std::int64_t kMaxSteps = 10'000'000;
constexpr double kMaxRate = 1e6;

const EnumNames<LabelNoise> kNoises = {
    {LabelNoise::kNone, "none"}, {LabelNoise::kFixed, "fixed"}, {LabelNoise::kFresh, "fresh"}};
const EnumNames<TheoryPlane> kPlanes = {
    {TheoryPlane::kPca, "pca"}, {TheoryPlane::kSolutions, "solutions"}, {TheoryPlane::kNone, "none"}};

// Reads a list of numbers, or {"from", "to", "count"}, spaced logarithmically if `log`, else evenly.
std::vector<double> read_series(ConfigReader& reader, const std::string& key, double min, double max, bool log) {
  const std::string name = reader.full_name(key);
  std::vector<double> values;
  if (reader.get_json(key).is_array()) {
    values = reader.get_doubles(key, {});
  } else {
    ConfigReader range = reader.get_object(key);
    const double from = range.required_double("from", min, max), to = range.required_double("to", min, max);
    const auto count = range.required_int("count", 1, 1000);
    range.finish();
    if (!(from < to) && count > 1) fail_usage("{}: 'from' must be below 'to', got {:g} and {:g}", name, from, to);
    for (std::int64_t i = 0; i < count; ++i) {
      const double q = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
      values.push_back(log ? from * std::pow(to / from, q) : from + (to - from) * q);
    }
  }
  if (values.empty()) fail_usage("{}: at least one value is needed", name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= min && values[i] <= max))
      fail_usage("{}: expected values from {:g} to {:g}, got {:g}", name, min, max, values[i]);
    if (i > 0 && !(values[i] > values[i - 1]))
      fail_usage("{}: values must ascend, but {:g} follows {:g}", name, values[i], values[i - 1]);
  }
  return values;
}

void read_noise(ConfigReader reader, TheoryConfig& config) {
  config.noise = reader.get_enum("kind", config.noise, kNoises);
  config.noise_std = reader.get_double("std", config.noise_std, 0, 1e6);
  reader.finish();
}

void read_cells(ConfigReader& reader, TheoryConfig& config) {
  const bool diagram = reader.has("rates") || reader.has("decay_times") || reader.has("factor");
  if (diagram == reader.has("schedules"))
    fail_usage("{}: give either 'rates' with 'decay_times', or 'schedules'", reader.full_name("schedules"));
  if (!diagram) {
    config.schedules = reader.get_json("schedules");
    if (!config.schedules.is_object() || config.schedules.empty())
      fail_usage("{} must be an object that maps names to schedules", reader.full_name("schedules"));
    return;
  }
  config.rates = read_series(reader, "rates", 1e-12, kMaxRate, true);
  for (const double time : read_series(reader, "decay_times", 0, static_cast<double>(config.steps), false)) {
    const std::int64_t step = std::llround(time);
    if (config.decay_times.empty() || step > config.decay_times.back()) config.decay_times.push_back(step);
  }
  config.factor = reader.get_double("factor", config.factor, 0, 1);
}

void read_model(ConfigReader& reader, TheoryConfig& config) {
  config.dimensions = reader.get_int("dimensions", config.dimensions, 1, kMaxTheoryDimensions);
  config.samples = reader.get_int("samples", config.samples, 1, kMaxTheoryDimensions);
  if (config.samples >= config.dimensions)
    fail_usage("{} must be below dimensions, {}, so that a minimum of the loss fits all samples; got {}",
               reader.full_name("samples"), config.dimensions, config.samples);
  config.gamma = reader.get_double("gamma", config.gamma, 0, 8);
  config.target_norm = reader.get_double("target_norm", config.target_norm, 1e-6, 1e6);
  config.init_norm = reader.get_double("init_norm", config.init_norm, 0, 1e6);
  if (config.init_norm == 0 && config.gamma > 0)
    fail_usage("{} must be above 0 if gamma > 0: the gradient at zero weights is zero, so runs would stay there",
               reader.full_name("init_norm"));
  read_noise(reader.get_object("noise"), config);
}

// Rejects studies that would not fit in memory or in a figure.
void check_size(const TheoryConfig& config) {
  const std::int64_t cells = config.schedules.is_null()
                                 ? static_cast<std::int64_t>(config.rates.size() * config.decay_times.size())
                                 : static_cast<std::int64_t>(config.schedules.size());
  const std::int64_t runs = cells * config.seeds, most = std::int64_t{1} << 24;
  if (runs * config.dimensions > (std::int64_t{1} << 28) || runs * config.records > most)
    fail_usage("theory: {} cells x {} seeds are too many for {} dimensions and {} records; reduce one of them", cells,
               config.seeds, config.dimensions, config.records);
}

}  // namespace

TheoryConfig read_theory_config(const nlohmann::json& json) {
  TheoryConfig config;
  if (json.is_object() && !json.contains("theory") && (json.contains("train") || json.contains("model")))
    fail_usage("this configuration trains networks: run it with `thalweg experiment`");
  ConfigReader root(json, "");
  config.name = root.get_string("name", config.name);
  config.seed = static_cast<std::uint64_t>(root.get_int("seed", 0, 0));
  config.device = root.get_string("device", config.device);
  config.threads = static_cast<int>(root.get_int("threads", 0, 0, 1024));
  ConfigReader reader = root.get_object("theory");
  root.finish();
  read_model(reader, config);
  config.batch = reader.get_int("batch", config.batch, 0, 1024);
  config.steps = reader.get_int("steps", config.steps, 1, kMaxSteps);
  config.seeds = reader.get_int("seeds", config.seeds, 1, 100'000);
  config.float64 = reader.get_choice("precision", "float32", {"float32", "float64"}) == "float64";
  read_cells(reader, config);
  config.records = reader.get_int("records", config.records, 1, 1'000'000);
  ConfigReader landscape = reader.get_object("landscape");
  config.plane = landscape.get_enum("plane", config.plane, kPlanes);
  config.grid = landscape.get_string("grid", config.grid);
  landscape.parse("grid", [&] { parse_grid_size(config.grid); });
  config.margin = landscape.get_double("margin", config.margin, 0, 100);
  landscape.finish();
  reader.finish();
  check_size(config);
  return config;
}

nlohmann::json to_json(const TheoryConfig& config) {
  nlohmann::json theory = {
      {"dimensions", config.dimensions},
      {"samples", config.samples},
      {"gamma", config.gamma},
      {"target_norm", config.target_norm},
      {"init_norm", config.init_norm},
      {"noise", {{"kind", name_of(config.noise, kNoises)}, {"std", config.noise_std}}},
      {"batch", config.batch},
      {"steps", config.steps},
      {"seeds", config.seeds},
      {"precision", config.float64 ? "float64" : "float32"},
      {"records", config.records},
      {"landscape", {{"plane", name_of(config.plane, kPlanes)}, {"grid", config.grid}, {"margin", config.margin}}}};
  if (config.schedules.is_null()) {
    theory["rates"] = config.rates;
    theory["decay_times"] = config.decay_times;
    theory["factor"] = config.factor;
  } else {
    theory["schedules"] = config.schedules;
  }
  return {{"name", config.name},
          {"seed", config.seed},
          {"device", config.device},
          {"threads", config.threads},
          {"theory", theory}};
}

}  // namespace thalweg

#include "train/lr_range.h"

#include <cmath>

#include "base/stop.h"
#include "cli/command.h"
#include "experiment/session.h"
#include "io/atomic_file.h"
#include "report/lr_range_figure.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

LrRangeConfig range_of(const CommandLine& line) {
  LrRangeConfig config;
  config.low = line.number("from");
  config.high = line.number("to");
  config.steps = line.integer("steps", 10, 1'000'000);
  if (!(config.low > 0 && std::isfinite(config.high) && config.low < config.high))
    fail_usage("--from and --to: expected 0 < from < to, got {:g} and {:g}", config.low, config.high);
  return config;
}

fs::path figure_beside(fs::path csv) {
  return csv.replace_extension(".svg");
}

void write_files(const fs::path& csv, const LrRange& range, const std::optional<LrSuggestion>& suggestion) {
  std::vector<Point2> losses, smoothed;
  for (const LrRangePoint& point : range.points) {
    losses.push_back({point.lr, point.loss});
    smoothed.push_back({point.lr, point.smoothed});
  }
  write_file_atomically(csv, lr_range_csv(range.points));
  write_file_atomically(figure_beside(csv), lr_range_figure(losses, smoothed, suggestion ? suggestion->steepest : 0));
}

}  // namespace

void lr_range_command(int argc, char** argv) {
  CommandLine line("lr-range",
                   "Finds a learning rate: trains briefly while the rate grows from step to step, and writes the "
                   "losses as CSV and as a figure.",
                   "CONFIG --out FILE.csv",
                   "  thalweg lr-range experiments/demo.json --out out/lr.csv\n"
                   "  thalweg lr-range experiments/demo.json --out out/lr.csv --from 1e-3 --to 1 --steps 200\n");
  line.add()("config", "configuration file", cxxopts::value<std::string>(), "CONFIG")(
      "out", "table of rates and losses; the figure goes beside it (.svg)", cxxopts::value<std::string>(), "FILE.csv")(
      "from", "first rate", cxxopts::value<std::string>()->default_value("1e-5"), "LR")(
      "to", "last rate", cxxopts::value<std::string>()->default_value("10"), "LR")(
      "steps", "updates from the first rate to the last", cxxopts::value<std::string>()->default_value("100"), "N");
  line.positional({"config"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const fs::path out = line.required("out", "--out FILE.csv");
  if (out.extension() != ".csv")
    fail_usage("--out must name the CSV file, like lr.csv (the figure is written beside it), got {}", out.string());
  check_out(out, "lr.csv", "table of an LR range test", check_lr_range_csv);
  check_replaceable(figure_beside(out), "figure of an LR range test", check_lr_range_figure);
  const LrRangeConfig config = range_of(line);
  const nlohmann::json json = load_config_json(line.required("config", "the configuration file"), flags);
  const Session session = open_session(read_experiment_config(json, ForksBehindTheEnd::kDropped), flags.progress);
  check_can_write(out);
  Progress progress("lr-range", "steps", static_cast<double>(config.steps), 0, flags.progress);
  double done = 0;
  const LrRange range =
      test_lr_range(session.main_spec(), session.run_context(), config, [&](const LrRangePoint& point) {
        progress.update(++done, fmt::format("lr {:.3g}  loss {:.4f}", point.lr, point.smoothed));
      });
  progress.finish();
  const std::optional<LrSuggestion> suggestion = suggest_lr(range.points);
  if (!range.points.empty()) write_files(out, range, suggestion);
  if (stop_requested())
    throw Stopped(fmt::format("lr-range: stopped after {} steps{}; the same command starts from the beginning",
                              range.points.size(),
                              range.points.empty() ? "" : fmt::format(", which {} holds", out.string())));
  if (flags.json) {
    nlohmann::json result = {{"file", out.string()}, {"steps", range.points.size()}, {"diverged", range.diverged}};
    if (suggestion) result["steepest"] = suggestion->steepest, result["lowest"] = suggestion->lowest;
    fmt::print("{}\n", result.dump());
  } else if (suggestion) {
    const bool still_falls = !range.diverged && suggestion->lowest == range.points.back().lr;
    fmt::print("{}: the loss falls fastest at a rate of {:.3g}, and is lowest at {:.3g}{}\n", out.string(),
               suggestion->steepest, suggestion->lowest,
               still_falls ? ", the last one tested: it may fall further at higher rates (--to)" : "");
  } else {
    fmt::print("{}: the loss never falls; try smaller rates (--from)\n", out.string());
  }
}

}  // namespace thalweg

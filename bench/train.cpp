// Measures training steps of one network: batch, augmentation, forward, loss, backward, update.
//
//   bench_train MODEL PRECISION BATCH [DEVICE] [SECONDS] [--runs N] [--libtorch] [--any-order] [--plans FILE]
// prints one JSON object.
// Times are medians over steps that fill SECONDS (default 10) after three warm-up steps; on a GPU over windows of 50
// steps, since reading the loss waits for the GPU. --runs N: N concurrent runs, each with a thread and a stream of its
// own and its share of the CPU's threads; `rate` is then the sum of their rates. --libtorch sets train.conv_plans to
// false, --any-order sets train.deterministic to false. The first run times the convolution plans, and the others adopt
// them. With --plans, all runs adopt the plans of FILE if it exists, and FILE is written. FLOPs are 6 x multiply-adds
// of the forward pass (including padding). `first_step_seconds` is the longest of the runs' first steps, in which plans
// are built and, unless adopted, timed. `peak_mb` is the peak resident memory of the process, or on a GPU the peak
// memory that LibTorch reserved there.
// An epoch has 8 batches, on a GPU 64, so that not every window there includes making the next epoch's order.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <latch>
#include <memory>
#include <optional>

#include <cxxopts.hpp>
#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/clock.h"
#include "base/device.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stream.h"
#include "bench/random_images.h"
#include "experiment/side_by_side.h"
#include "models/models.h"
#include "nn/conv_manifest.h"
#include "nn/init.h"
#include "thalweg/version.h"
#include "train/step.h"

namespace thalweg {
namespace {

struct Settings {
  std::string model, precision, device;
  std::int64_t batch = 0;
  double seconds = 10;
  int runs = 1;
  bool libtorch = false;
  bool any_order = false;
  std::string plans;  // file for the convolution plans; empty: none
};

Settings read_settings(int argc, char** argv) {
  cxxopts::Options options("bench_train");
  options.add_options()("model", "", cxxopts::value<std::string>())("precision", "", cxxopts::value<std::string>())(
      "batch", "", cxxopts::value<std::int64_t>())("device", "", cxxopts::value<std::string>()->default_value("auto"))(
      "seconds", "", cxxopts::value<double>()->default_value("10"))(
      "runs", "", cxxopts::value<int>()->default_value("1"))("libtorch", "")("any-order", "")(
      "plans", "", cxxopts::value<std::string>()->default_value(""));
  if (argc < 4)
    fail_usage(
        "bench_train MODEL PRECISION BATCH [DEVICE] [SECONDS] [--runs N] [--libtorch] [--any-order] [--plans FILE]");
  options.parse_positional({"model", "precision", "batch", "device", "seconds"});
  const auto parsed = options.parse(argc, argv);
  Settings settings;
  settings.model = parsed["model"].as<std::string>();
  settings.precision = parsed["precision"].as<std::string>();
  settings.batch = parsed["batch"].as<std::int64_t>();
  settings.device = parsed["device"].as<std::string>();
  settings.seconds = parsed["seconds"].as<double>();
  settings.runs = parsed["runs"].as<int>();
  settings.libtorch = parsed.count("libtorch") > 0;
  settings.any_order = parsed.count("any-order") > 0;
  settings.plans = parsed["plans"].as<std::string>();
  if (settings.precision != "float32" && settings.precision != "bf16")
    fail_usage("PRECISION is float32 or bf16, got '{}'", settings.precision);
  if (settings.runs < 1) fail_usage("--runs: expected at least 1, got {}", settings.runs);
  return settings;
}

TrainConfig train_config(const Settings& settings) {
  TrainConfig config;
  config.batch = settings.batch;
  config.bf16 = settings.precision == "bf16";
  config.conv_plans = !settings.libtorch;
  config.deterministic = !settings.any_order;
  config.optimizer.nesterov = true;
  config.augment = {4, true, 0};
  return config;
}

// The seconds per step for each window.
std::vector<double> time_steps(TrainStep& step, double seconds, int window) {
  std::vector<double> times;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds || times.size() < 3) {
    const auto begin = Clock::now();
    at::Tensor loss;
    for (int i = 0; i < window; ++i) loss = step.run(1e-3);
    loss.item<float>();
    times.push_back(seconds_since(begin) / window);
  }
  std::sort(times.begin(), times.end());
  return times;
}

struct Sample {
  double first_step = 0;      // seconds
  std::vector<double> times;  // seconds per step, ascending
};

// Counts down on destruction, whether the run is warm by then or failed to start.
struct Arrival {
  explicit Arrival(std::latch& of) : latch(of) {}
  ~Arrival() { latch.count_down(); }
  std::latch& latch;
};

// State shared by concurrent runs.
struct Team {
  explicit Team(int runs) : warm(runs) {}
  std::latch warm;                    // released when all runs are warm
  std::latch led{1};                  // released when the first run is warm
  std::optional<ConvManifest> plans;  // the first run's plans, adopted by the others
};

double first_step_seconds(TrainStep& step) {
  const auto begin = Clock::now();
  step.run(1e-3).item<float>();
  return seconds_since(begin);
}

Sample sample(const std::function<std::unique_ptr<TrainStep>()>& make_step, const Settings& settings, int window,
              Team& team, bool first) {
  Sample out;
  std::unique_ptr<TrainStep> made;
  {
    const Arrival arrival{team.warm};
    std::optional<Arrival> lead;
    if (first) {
      lead.emplace(team.led);
    } else {
      team.led.wait();
    }
    made = make_step();
    ConvPlans* plans = made->conv_plans();
    if (plans != nullptr && team.plans) plans->adopt(*team.plans);
    out.first_step = first_step_seconds(*made);
    if (plans != nullptr && first) team.plans = plans->manifest();
    for (int i = 0; i < 2; ++i) made->run(1e-3).item<float>();
  }
  team.warm.wait();
  out.times = time_steps(*made, settings.seconds, window);
  return out;
}

void run(int argc, char** argv) {
  keep_freed_memory();
  const Settings settings = read_settings(argc, argv);
  set_num_threads(0);
  const int threads = std::max(at::get_num_threads() / settings.runs, 1);
  const c10::Device device = parse_device(settings.device);
  use_device(device, !settings.any_order);
  ModelConfig model;
  model.name = settings.model;
  const TrainConfig config = train_config(settings);
  const Graph graph = build_model(model, {3, 32, 32}, 10);
  const ImageBatches images = random_images(settings.batch * (device.is_cuda() ? 64 : 8), device);
  Team team(settings.runs);
  const bool adopted = !settings.plans.empty() && std::filesystem::exists(settings.plans);
  if (adopted) team.plans = read_conv_manifest(settings.plans);
  std::vector<Sample> samples(static_cast<std::size_t>(settings.runs));
  std::vector<Job> jobs;
  for (Sample& out : samples) {
    jobs.push_back({[&] {
      const auto make_step = [&] {
        return std::make_unique<TrainStep>(graph, images, config, 1,
                                           fresh_state(initial_weights(graph, 1), initial_buffers(graph)));
      };
      out = sample(make_step, settings, device.is_cuda() ? 50 : 1, team, &out == samples.data());
    }});
  }
  run_side_by_side(jobs, {settings.runs, threads, device});
  if (!settings.plans.empty() && team.plans) write_conv_manifest(settings.plans, *team.plans);
  double rate = 0, best = 0, first_step = 0;
  for (const Sample& one : samples) {
    rate += static_cast<double>(settings.batch) / one.times[one.times.size() / 2];
    best += static_cast<double>(settings.batch) / one.times.front();
    first_step = std::max(first_step, one.first_step);
  }
  const nlohmann::json line = {{"what", "train"},
                               {"model", graph.name},
                               {"precision", settings.precision},
                               {"batch", settings.batch},
                               {"runs", settings.runs},
                               {"conv_plans", config.conv_plans && device.is_cuda()},
                               {"deterministic", config.deterministic},
                               {"rate", rate},
                               {"best", best},
                               {"unit", "images/s"},
                               {"gflops", rate * 6e-9 * static_cast<double>(forward_macs(graph))},
                               {"first_step_seconds", first_step},
                               {"plans_adopted", adopted},
                               {"peak_mb", peak_memory_mb(device)},
                               {"device", device_description(device)},
                               {"threads", threads},
                               {"version", kVersion},
                               {"commit", kCommit}};
  fmt::print("{}\n", line.dump());
}

}  // namespace
}  // namespace thalweg

int main(int argc, char** argv) {
  thalweg::use_fixed_sums();
  try {
    thalweg::run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_train: {}\n", thalweg::first_line(error.what()));
    return 1;
  }
}

// Training steps per second of one network: batch, augmentation, forward, loss, backward, update.
//
//   bench_train MODEL PRECISION BATCH [DEVICE] [SECONDS]     one JSON object
// The median over steps that fill SECONDS (default 10) after three to warm up; on a GPU over windows of 50 steps, since
// reading the loss waits. FLOPs are 6 x multiply-adds of the forward pass (padding counted). `peak_mb` is the process's
// largest resident memory, on a GPU what LibTorch reserved there.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <sys/resource.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include "base/device.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stream.h"
#include "models/models.h"
#include "nn/init.h"
#include "thalweg/version.h"
#include "train/step.h"

namespace thalweg {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

ImageBatches random_images(std::int64_t n, c10::Device device) {
  auto generator = at::detail::createCPUGenerator(1);
  return {at::randint(0, 256, {n, 3, 32, 32}, generator).to(at::kByte),
          at::randint(0, 10, {n}, generator),
          {0.5, 0.5, 0.5},
          {0.25, 0.25, 0.25},
          device};
}

TrainConfig train_config(const std::string& precision, std::int64_t batch) {
  if (precision != "float32" && precision != "bf16") fail_usage("PRECISION is float32 or bf16, got '{}'", precision);
  TrainConfig config;
  config.batch = batch;
  config.bf16 = precision == "bf16";
  config.optimizer.nesterov = true;
  config.augment = {4, true, 0};
  return config;
}

// Seconds of one step, of each window.
std::vector<double> time_steps(TrainStep& step, double seconds, int window) {
  for (int i = 0; i < 3; ++i) step.run(1e-3).item<float>();
  std::vector<double> times;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds || times.size() < 3) {
    const auto begin = Clock::now();
    at::Tensor loss;
    for (int i = 0; i < window; ++i) loss = step.run(1e-3);
    loss.item<float>();
    times.push_back(seconds_since(begin) / window);
  }
  return times;
}

double peak_megabytes(c10::Device device) {
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak) / 1e6;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e3;
}

void run(int argc, char** argv) {
  if (argc < 4) fail_usage("bench_train MODEL PRECISION BATCH [DEVICE] [SECONDS]");
  keep_freed_memory();
  set_num_threads(0);
  const c10::Device device = parse_device(argc > 4 ? argv[4] : "auto");
  use_device(device);
  ModelConfig model;
  model.name = argv[1];
  const std::int64_t batch = std::stoll(argv[3]);
  const TrainConfig config = train_config(argv[2], batch);
  const Graph graph = build_model(model, {3, 32, 32}, 10);
  const ImageBatches images = random_images(batch * 8, device);
  TrainStep step(graph, images, config, 1, fresh_state(initial_weights(graph, 1), initial_buffers(graph)));
  std::vector<double> times = time_steps(step, argc > 5 ? std::stod(argv[5]) : 10.0, device.is_cuda() ? 50 : 1);
  std::sort(times.begin(), times.end());
  const double rate = static_cast<double>(batch) / times[times.size() / 2];
  const nlohmann::json line = {{"what", "train"},
                               {"model", graph.name},
                               {"precision", argv[2]},
                               {"batch", batch},
                               {"rate", rate},
                               {"best", static_cast<double>(batch) / times.front()},
                               {"unit", "images/s"},
                               {"gflops", rate * 6e-9 * static_cast<double>(forward_macs(graph))},
                               {"peak_mb", peak_megabytes(device)},
                               {"device", device_description(device)},
                               {"threads", at::get_num_threads()},
                               {"version", kVersion},
                               {"commit", kCommit}};
  fmt::print("{}\n", line.dump());
}

}  // namespace
}  // namespace thalweg

int main(int argc, char** argv) {
  try {
    thalweg::run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_train: {}\n", thalweg::first_line(error.what()));
    return 1;
  }
}

// Measures the throughput of evaluating grid points on this machine.
//
//   bench_engine [DEVICE] [SECONDS]     one JSON object per line: what, model, rate, FLOP/s, machine, commit
// Each figure is the median over repetitions that fill SECONDS (default 10) after a warm-up; the first word of "unit"
// names what is counted. FLOPs are 2 x multiply-adds of the forward pass (including padding).
#include <algorithm>
#include <cstdio>
#include <functional>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/clock.h"
#include "base/device.h"
#include "base/error.h"
#include "base/stream.h"
#include "bench/random_images.h"
#include "models/models.h"
#include "nn/evaluate.h"
#include "nn/init.h"
#include "nn/materialise.h"
#include "thalweg/version.h"

namespace thalweg {
namespace {

struct Bench {
  c10::Device device;
  double seconds;

  // The median time of one call, in seconds.
  double median(const std::function<void()>& work) const {
    work();
    std::vector<double> times;
    const auto start = Clock::now();
    do {
      const auto begin = Clock::now();
      work();
      times.push_back(seconds_since(begin));
    } while (seconds_since(start) < seconds || times.size() < 3);
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
  }

  void print(const std::string& what, const Graph& graph, double rate, const std::string& unit, double flops) const {
    const nlohmann::json line = {{"what", what},
                                 {"model", graph.name},
                                 {"rate", rate},
                                 {"unit", unit},
                                 {"gflops", flops / 1e9},
                                 {"precision", "float32"},
                                 {"device", device_description(device)},
                                 {"threads", at::get_num_threads()},
                                 {"version", kVersion},
                                 {"commit", kCommit}};
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
};

void bench_points(const Bench& bench, const Graph& graph, std::int64_t num_images) {
  const ImageBatches images = random_images(num_images, bench.device);
  const at::Tensor origin = initial_weights(graph, 1).to(bench.device);
  const at::Tensor direction = origin * 0.01;
  const at::Tensor buffers = initial_buffers(graph).to(bench.device);
  Evaluator evaluator(compile(graph), bench.device);
  const PlaneMaterialiser plane(evaluator.program(), {origin, direction, direction});
  const at::Tensor point = at::full({1, 2}, 0.5, origin.options());
  const double seconds = bench.median([&] {
    evaluator.load(plane.folded(point, buffers)[0]);
    sum_split_losses(images, network_of(evaluator));
  });
  const double rate = static_cast<double>(num_images) / seconds;
  bench.print("landscape", graph, rate, "points x images/s", rate * 2 * static_cast<double>(forward_macs(graph)));
}

void run(const std::string& device, double seconds) {
  set_num_threads(0);
  const Bench bench{parse_device(device), seconds};
  use_device(bench.device);
  for (const char* name : {"vgg11_bn", "resnet18", "resnet20"}) {
    ModelConfig config;
    config.name = name;
    const Graph graph = build_model(config, {3, 32, 32}, 10);
    bench_points(bench, graph, bench.device.is_cpu() ? 500 : 10000);
  }
}

}  // namespace
}  // namespace thalweg

int main(int argc, char** argv) {
  thalweg::use_fixed_sums();
  try {
    thalweg::run(argc > 1 ? argv[1] : "auto", argc > 2 ? std::stod(argv[2]) : 10.0);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_engine: {}\n", thalweg::first_line(error.what()));
    return 1;
  }
}

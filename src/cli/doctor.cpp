#include <cstdio>
#include <filesystem>
#include <functional>

#include <cuda_runtime_api.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/version.h>

#include "base/device.h"
#include "base/error.h"
#include "base/stream.h"
#include "cli/command.h"
#include "data/dataset.h"
#include "data/image_batches.h"
#include "io/atomic_file.h"
#include "models/models.h"
#include "nn/eager.h"
#include "nn/evaluate.h"
#include "nn/init.h"
#include "thalweg/version.h"

namespace thalweg {
namespace {

struct Finding {
  bool ok;
  std::string text;
};

Finding look(const std::function<std::string()>& check_it) {
  try {
    return {true, check_it()};
  } catch (const Error& error) {
    return {false, error.what()};
  } catch (const std::exception& error) {
    return {false, first_line(error.what())};
  }
}

std::string versions() {
  int runtime = 0;
  cudaRuntimeGetVersion(&runtime);
  return fmt::format("thalweg {} ({}), LibTorch {}, CUDA runtime {}.{}", kVersion, kCommit, TORCH_VERSION,
                     runtime / 1000, runtime % 1000 / 10);
}

std::string gpu() {
  int driver = 0;
  cudaDriverGetVersion(&driver);
  const c10::Device device = parse_device("cuda");
  return fmt::format("{}, driver for CUDA {}.{}", device_description(device), driver / 1000, driver % 1000 / 10);
}

std::string write_access(const std::string& folder) {
  const std::filesystem::path file = std::filesystem::path(folder) / ".thalweg-doctor";
  write_file_atomically(file, "x");
  std::filesystem::remove(file);
  const auto absolute = std::filesystem::weakly_canonical(folder);
  const auto space = std::filesystem::space(absolute);
  return fmt::format("{} is writable, {:.1f} GB free", absolute.string(), static_cast<double>(space.available) / 1e9);
}

std::string data_set(const std::string& name) {
  DataConfig config;
  config.name = name;
  const DataSet data = load_data(config);
  return fmt::format("{} train and {} test images, sha256 {}", data.train.size(), data.test.size(),
                     data.digest.substr(0, 16));
}

// Evaluates a small network with every kernel of the evaluation (batch, materialise and fold, fused convolutions, loss)
// and compares with the plain computation.
std::string kernel_self_test(c10::Device device) {
  use_device(device);
  ModelConfig model;
  model.name = "resnet20";
  model.shortcut = "B";
  const Graph graph = build_model(model, {3, 32, 32}, 10);
  const at::Tensor weights = initial_weights(graph, 1);
  const at::Tensor buffers = initial_buffers(graph);
  DataConfig config;
  config.train_images = 1;
  config.test_images = 64;
  const DataSet data = load_data(config);
  const Normalisation& n = data.normalisation;

  Evaluator evaluator(compile(graph), device);
  evaluator.load(fold_weights(evaluator.program(), weights.to(device), buffers.to(device)));
  const ImageBatches images = on_device(data.test, n, device);
  const LossSums sums = sum_split_losses(images, network_of(evaluator));

  const at::NoGradGuard no_grad;
  const at::Tensor x = (data.test.images.to(at::kFloat) / 255 - at::tensor(n.mean).to(at::kFloat).view({1, -1, 1, 1})) /
                       at::tensor(n.std).to(at::kFloat).view({1, -1, 1, 1});
  const at::Tensor logits =
      run_eager(graph, graph.parameters.views(weights), graph.buffers.views(buffers), x, NormMode::kEval);
  const double expected = at::cross_entropy_loss(logits, data.test.labels).item<double>();
  const double got = sums.loss / static_cast<double>(data.test.size());
  check(std::abs(got - expected) <= 1e-4 * expected,
        "the kernels give a loss of {:.7g}, but plain arithmetic gives {:.7g}", got, expected);
  return fmt::format("evaluation kernels on {} agree with plain arithmetic ({:.6f})", device.str(), got);
}

}  // namespace

void doctor_command(int argc, char** argv) {
  CommandLine line("doctor",
                   "Checks what works on this machine. The exit code is 0 if training and mapping can run on the "
                   "chosen device.",
                   "", "  thalweg doctor\n  thalweg doctor --device cuda:0 --out /out\n");
  line.add()("out", "folder that must be writable", cxxopts::value<std::string>()->default_value("."), "DIR");
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  set_num_threads(flags.threads.value_or(0));
  const std::string wanted = flags.device.value_or("auto");

  bool ready = true;
  nlohmann::json json = nlohmann::json::array();
  // Prints each finding at once, so that earlier ones are not lost if the check of a GPU hangs.
  const auto tell = [&](const std::string& name, bool needed, const std::function<std::string()>& what) {
    const Finding finding = look(what);
    ready = ready && (finding.ok || !needed);
    json.push_back({{"name", name}, {"ok", finding.ok}, {"needed", needed}, {"text", finding.text}});
    if (flags.json) return;
    fmt::print("{:<5} {:<13} {}\n", finding.ok ? "ok" : needed ? "FAIL" : "no", name, finding.text);
    std::fflush(stdout);
  };
  tell("versions", false, versions);
  tell("gpu", false, gpu);
  tell("device", true,
       [&] { return fmt::format("{}: {}", parse_device(wanted).str(), device_description(parse_device(wanted))); });
  tell("kernels", true, [&] { return kernel_self_test(parse_device(wanted)); });
  tell("write access", true, [&] { return write_access(line.text("out")); });
  // Not needed: the synthetic set is always available.
  for (const char* name : {"cifar10", "cifar100", "fashion_mnist"}) tell(name, false, [&] { return data_set(name); });
  if (flags.json) fmt::print("{}\n", nlohmann::json({{"ready", ready}, {"findings", json}}).dump());
  if (!ready)
    fail("this machine is not ready; see {}", flags.json ? "what is needed and not ok" : "the lines marked FAIL");
}

}  // namespace thalweg

// For the Python tests: runs the engine's executors on tensors made by PyTorch, so that both can be compared.
//
//   thalweg_probe forward SPEC.json IN.safetensors OUT.safetensors
//   thalweg_probe train   SPEC.json IN.safetensors OUT.safetensors
//   thalweg_probe schedule SPEC.json - OUT.safetensors
// For forward and train, SPEC is {"model": {...}, "train": {...}, "seed": 0, "steps": 5, "mean": [...], "std": [...]},
// and IN has the network's tensors under their PyTorch names with the prefix "w.", `images` uint8 [N, 3, 32, 32] and
// `labels` int64. OUT of forward has the logits `eager` and `compiled`. OUT of train has the tensors after `steps`
// updates under their names; if averages are configured, those with the prefix "average."; `order`, the images of each
// epoch; and `shares`, the share of the first image in the mixture of each step. For schedule, SPEC is {"schedule":
// {...}, "steps_per_epoch": 1, "epochs": 10, "steps": 10}, and OUT has `lr` float64 [steps] and `changes`, the steps at
// which the rate changes.
#include <cstdio>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "io/config_reader.h"
#include "io/safetensors.h"
#include "io/strict_json.h"
#include "models/models.h"
#include "nn/eager.h"
#include "nn/evaluator.h"
#include "train/schedule.h"
#include "train/step.h"

namespace thalweg {
namespace {

at::Tensor flatten(const Layout& layout, const SafetensorsFile& in) {
  const at::Tensor flat = at::zeros({layout.size()}, at::kFloat);
  const auto views = layout.views(flat);
  for (std::size_t i = 0; i < views.size(); ++i) views[i].copy_(in.at("w." + layout.entries()[i].name));
  return flat;
}

void add_named(std::vector<NamedTensor>& out, const Layout& layout, const at::Tensor& flat,
               const std::string& prefix = "") {
  const auto views = layout.views(flat);
  for (std::size_t i = 0; i < views.size(); ++i) out.push_back({prefix + layout.entries()[i].name, views[i]});
}

std::vector<NamedTensor> forward(const Graph& graph, const TrainState& state, const ImageBatches& images) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = images.range(0, images.size());
  const at::Tensor eager =
      run_eager(graph, graph.parameters.views(state.weights), graph.buffers.views(state.buffers), x, NormMode::kEval);
  Evaluator evaluator(compile(graph), at::kCPU);
  evaluator.load(fold_weights(evaluator.program(), state.weights, state.buffers));
  return {{"eager", eager}, {"compiled", evaluator.logits(x)}};
}

std::vector<NamedTensor> train(const nlohmann::json& spec, const Graph& graph, const TrainState& start,
                               const ImageBatches& images) {
  const TrainConfig config = read_train_config(ConfigReader(spec.at("train"), "train"));
  const auto seed = spec.at("seed").get<std::uint64_t>();
  const std::int64_t per_epoch = steps_per_epoch(images.size(), config.batch);
  const Schedule schedule(config.schedule, "train.schedule", per_epoch, config.epochs);
  TrainStep step(graph, images, config, seed, start);
  const auto steps = spec.at("steps").get<std::int64_t>();
  while (step.step() < steps) step.run(schedule.lr(step.step()));
  const TrainState state = step.state();
  std::vector<NamedTensor> out;
  add_named(out, graph.parameters, state.weights);
  add_named(out, graph.buffers, state.buffers);
  std::vector<at::Tensor> orders;
  for (std::int64_t epoch = 0; epoch * per_epoch < steps; ++epoch)
    orders.push_back(epoch_order(seed, epoch, images.size()));
  out.push_back({"order", at::cat(orders)});
  if (step.average().defined()) add_named(out, graph.parameters, step.average(), "average.");
  const at::Tensor shares = at::empty({steps}, at::kDouble);
  for (std::int64_t k = 0; k < steps; ++k) shares.data_ptr<double>()[k] = mixup_share(seed, k, config.mixup);
  out.push_back({"shares", shares});
  return out;
}

std::vector<NamedTensor> rates(const nlohmann::json& spec) {
  const Schedule schedule(spec.at("schedule"), "schedule", spec.at("steps_per_epoch"), spec.at("epochs"));
  const auto steps = spec.at("steps").get<std::int64_t>();
  const at::Tensor lr = at::empty({steps}, at::kDouble);
  for (std::int64_t step = 0; step < steps; ++step) lr.data_ptr<double>()[step] = schedule.lr(step);
  return {{"lr", lr}, {"changes", at::tensor(schedule.change_steps(steps), at::kLong)}};
}

std::vector<NamedTensor> run_network(const std::string& mode, const nlohmann::json& spec, const std::string& in_file) {
  const SafetensorsFile in = read_safetensors(in_file);
  const Graph graph = build_model(read_model_config(ConfigReader(spec.at("model"), "model")), {3, 32, 32}, 10);
  const TrainState state = fresh_state(flatten(graph.parameters, in), flatten(graph.buffers, in));
  const ImageBatches images(in.at("images"), in.at("labels"), spec.at("mean"), spec.at("std"), at::kCPU);
  return mode == "train" ? train(spec, graph, state, images) : forward(graph, state, images);
}

int probe(const std::string& mode, const std::string& spec_file, const std::string& in_file,
          const std::string& out_file) {
  const nlohmann::json spec = read_json_file(spec_file);
  write_safetensors(out_file, mode == "schedule" ? rates(spec) : run_network(mode, spec, in_file), {});
  return 0;
}

}  // namespace
}  // namespace thalweg

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    return thalweg::probe(argv[1], argv[2], argv[3], argv[4]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

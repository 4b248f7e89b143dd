#include "train/run.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/stop.h"
#include "io/atomic_file.h"
#include "io/config_reader.h"
#include "io/folder_lock.h"
#include "nn/evaluate.h"
#include "nn/init.h"
#include "nn/weights_file.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/schedule.h"
#include "train/step.h"
#include "trajectory/snapshot_rule.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

// The state that a branch starts from: another main path makes another branch.
std::string fork_digest(const RunSpec& spec, const Graph& graph) {
  const TrainState state = read_checkpoint(spec.fork, graph).state;
  std::string digests;
  for (const at::Tensor& tensor : {state.weights, state.momentum, state.buffers}) {
    digests += sha256_of({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  return sha256_of(digests);
}

nlohmann::json identity_of(const RunSpec& spec, const Graph& graph) {
  nlohmann::json identity = {{"name", spec.name},
                             {"seed", spec.seed},
                             {"first_step", spec.first_step},
                             {"train", to_json(spec.train)},
                             {"description", spec.description}};
  if (!spec.fork.empty()) identity["fork"] = fork_digest(spec, graph);
  return identity;
}

// The first key in which two configurations differ, as "train.batch: 64 there, 128 here".
std::string difference(const nlohmann::json& there, const nlohmann::json& here) {
  const nlohmann::json patch = nlohmann::json::diff(there, here);
  const nlohmann::json::json_pointer key(patch.at(0).at("path").get<std::string>());
  const auto text = [&](const nlohmann::json& json) { return json.contains(key) ? json.at(key).dump() : "nothing"; };
  std::string name = key.to_string().substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  return fmt::format("{}: {} there, {} here", name, text(there), text(here));
}

void claim_folder(const std::filesystem::path& folder, const nlohmann::json& identity) {
  const std::filesystem::path file = folder / "run.json";
  if (!std::filesystem::exists(file)) {
    write_file_atomically(file, identity.dump(2) + "\n");
    return;
  }
  const nlohmann::json there = read_run_identity(folder);
  if (there == identity) return;
  fail("{} holds a run with another configuration ({}); choose another --out, or remove the folder to train anew",
       folder.string(), difference(there, identity));
}

TrainState to_device(const TrainState& state, c10::Device device) {
  return {state.weights.to(device), state.momentum.to(device), state.buffers.to(device), state.epoch_sums.to(device),
          state.step};
}

Checkpoint starting_point(const RunSpec& spec, const Graph& graph, const std::filesystem::path& folder) {
  const std::vector<std::int64_t> steps = checkpoint_steps(folder);
  if (!steps.empty()) return read_checkpoint(checkpoint_path(folder, steps.back()), graph);
  Checkpoint start;
  if (!spec.fork.empty()) {
    start.state = read_checkpoint(spec.fork, graph).state;
    check(start.state.step == spec.first_step, "{}: the checkpoint is of step {}, the branch '{}' forks at step {}",
          spec.fork.string(), start.state.step, spec.name, spec.first_step);
    return start;
  }
  start.state.weights = initial_weights(graph, spec.seed);
  start.state.momentum = at::zeros_like(start.state.weights);
  start.state.buffers = initial_buffers(graph);
  start.state.epoch_sums = at::zeros({3}, at::kDouble);
  return start;
}

ImageBatches on_device(const ImageSet& split, const Normalisation& n, c10::Device device) {
  return {split.images, split.labels, n.mean, n.std, device};
}

// The loop and what it writes. Order at every step boundary: snapshot, checkpoint, stop; so a checkpoint always vouches
// for the snapshot of its own step.
class RunLoop {
 public:
  RunLoop(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder, const Checkpoint& start)
      : spec_(spec),
        context_(context),
        folder_(folder),
        train_(on_device(context.data.train, context.data.normalisation, context.device)),
        test_(on_device(context.data.test, context.data.normalisation, context.device)),
        state_(to_device(start.state, context.device)),
        steps_per_epoch_(steps_per_epoch(train_.size(), spec.train.batch)),
        end_step_(run_end_step(spec, train_.size())),
        schedule_(spec.train.schedule, "train.schedule", steps_per_epoch_, spec.train.epochs),
        rule_(spec.train.snapshots, "train.snapshots", {spec.first_step, end_step_, steps_per_epoch_, change_steps()}),
        step_(context.graph, train_, spec.train, spec.seed, state_),
        evaluator_(compile(context.graph), context.device),
        trajectory_(folder / "trajectory", context.graph.parameters.size(), context.graph.buffers.size()),
        metrics_(folder / "metrics.jsonl", start.metrics_bytes),
        last_checkpoint_(state_.step),
        // A checkpoint is written after the snapshot of its step: what it vouches for reaches up to there.
        last_snapshot_(start.num_snapshots > 0 ? state_.step : -1) {
    trajectory_.truncate(start.num_snapshots);
  }

  nlohmann::json run() {
    write_status("running", {});
    run_steps();
    return finish();
  }

 private:
  double epoch_at(std::int64_t step) const { return static_cast<double>(step) / static_cast<double>(steps_per_epoch_); }
  double lr_at(std::int64_t step) const { return schedule_.lr(step - spec_.first_step); }

  std::vector<std::int64_t> change_steps() const {
    std::vector<std::int64_t> steps = schedule_.change_steps(end_step_ - spec_.first_step);
    for (std::int64_t& step : steps) step += spec_.first_step;
    return steps;
  }

  // Whether a multiple of `epochs` (an interval in epochs) lies at this step.
  bool due(double epochs, std::int64_t step) const {
    if (epochs <= 0) return false;
    const double interval = epochs * static_cast<double>(steps_per_epoch_);
    const auto k = std::llround(static_cast<double>(step) / interval);
    return k > 0 && std::llround(static_cast<double>(k) * interval) == step;
  }

  bool kept(std::int64_t step) const {
    return std::find(spec_.keep.begin(), spec_.keep.end(), step) != spec_.keep.end();
  }

  // Where branches leave, the main path has a snapshot too: it is the point that they share.
  bool wants_snapshot(std::int64_t step) const { return rule_.wants(step) || kept(step); }

  void run_steps() {
    const auto images_at = [&](std::int64_t step) {  // images seen since step 0 of the main path
      return static_cast<double>(step / steps_per_epoch_ * train_.size() +
                                 std::min(step % steps_per_epoch_ * spec_.train.batch, train_.size()));
    };
    Progress progress(fmt::format("train {}", spec_.name), "img", images_at(end_step_) - images_at(spec_.first_step),
                      images_at(state_.step) - images_at(spec_.first_step), context_.progress);
    // On a GPU reading the loss waits for the step: look at it now and then only.
    const std::int64_t look_every = context_.device.is_cpu() ? 1 : 50;
    save_at_boundary();
    while (state_.step < end_step_) {
      const double lr = lr_at(state_.step);
      const at::Tensor loss = step_.run(lr);
      const bool boundary = state_.step % steps_per_epoch_ == 0 || state_.step == end_step_;
      const bool logged = spec_.train.log_every > 0 && state_.step % spec_.train.log_every == 0;
      if (logged || boundary || state_.step % look_every == 0 || wants_snapshot(state_.step)) {
        loss_ = loss.item<double>();
        check_finite(lr);
        progress.update(images_at(state_.step) - images_at(spec_.first_step),
                        fmt::format("epoch {:.2f}/{:g}  loss {:.4f}  lr {:.4g}", epoch_at(state_.step),
                                    epoch_at(end_step_), *loss_, lr));
      }
      if (logged) {
        metrics_.append(
            {{"kind", "step"}, {"step", state_.step}, {"epoch", epoch_at(state_.step)}, {"lr", lr}, {"loss", *loss_}});
      }
      if (boundary) end_epoch(lr);
      save_at_boundary();
    }
    progress.finish();
  }

  void check_finite(double lr) const {
    if (std::isfinite(*loss_)) return;
    write_status("failed", {});
    fail(
        "{}: the training loss is {} at step {} (epoch {:.2f}, rate {:g}): training diverged. The last good checkpoint "
        "is {}. Lower the rate, or put a warm-up in front of it",
        spec_.name, *loss_, state_.step, epoch_at(state_.step), lr,
        last_checkpoint_ > 0 ? checkpoint_path(folder_, last_checkpoint_).string() : "none");
  }

  void end_epoch(double lr) {
    const at::Tensor sums = state_.epoch_sums.cpu();
    const double images = sums[2].item<double>();
    nlohmann::json line = {{"kind", "epoch"},
                           {"step", state_.step},
                           {"epoch", epoch_at(state_.step)},
                           {"lr", lr},
                           {"train_loss", sums[0].item<double>() / images},
                           {"train_accuracy", sums[1].item<double>() / images}};
    if (due(spec_.train.evaluate_every, state_.step) || state_.step == end_step_) {
      const SplitMetrics test = evaluate_weights(evaluator_, state_.weights, state_.buffers, test_);
      line["test_loss"] = test.loss;
      line["test_accuracy"] = test.accuracy;
    }
    line["seconds"] = seconds_since(start_);
    metrics_.append(line);
    state_.epoch_sums.zero_();
  }

  void save_at_boundary() {
    const std::int64_t step = state_.step;
    if (step > last_snapshot_ && wants_snapshot(step)) {
      const std::string reason(rule_.wants(step) ? rule_.reason(step) : "fork");
      trajectory_.append({step, epoch_at(step), lr_at(step), loss_, reason}, state_.weights, state_.buffers);
      last_snapshot_ = step;
    }
    const bool stop = stop_requested() && step < end_step_;
    if (step > last_checkpoint_ || !std::filesystem::exists(checkpoint_path(folder_, step))) {
      if (stop || kept(step) || step == end_step_ || due(spec_.train.checkpoint_every, step)) save_checkpoint();
    }
    if (!stop) return;
    write_status("interrupted", {});
    throw Stopped(
        fmt::format("{}: stopped at step {} of {}; run the same command again to go on", spec_.name, step, end_step_));
  }

  void save_checkpoint() {
    Checkpoint checkpoint;
    checkpoint.state = to_device(state_, at::kCPU);
    checkpoint.num_snapshots = trajectory_.count();
    checkpoint.metrics_bytes = metrics_.sync();
    write_checkpoint(folder_, checkpoint);
    for (const std::int64_t step : checkpoint_steps(folder_)) {
      if (step < state_.step && !kept(step)) std::filesystem::remove(checkpoint_path(folder_, step));
    }
    last_checkpoint_ = state_.step;
    write_status("running", {});
  }

  nlohmann::json finish() {
    const SplitMetrics train = evaluate_weights(evaluator_, state_.weights, state_.buffers, train_);
    const SplitMetrics test = evaluate_weights(evaluator_, state_.weights, state_.buffers, test_);
    const nlohmann::json final_metrics = {{"train_loss", train.loss},
                                          {"train_accuracy", train.accuracy},
                                          {"test_loss", test.loss},
                                          {"test_accuracy", test.accuracy}};
    nlohmann::json description = spec_.description;
    description["run"] = spec_.name;
    description["step"] = state_.step;
    description["epoch"] = epoch_at(state_.step);
    description["final"] = final_metrics;
    description["provenance"] = spec_.provenance;
    write_weights(folder_ / "weights.safetensors", context_.graph, {state_.weights.cpu(), state_.buffers.cpu()},
                  state_.step, description);
    write_status("done", final_metrics);
    return final_metrics;
  }

  void write_status(const std::string& state, const nlohmann::json& final_metrics) const {
    nlohmann::json status = {{"state", state},
                             {"name", spec_.name},
                             {"step", state_.step},
                             {"end_step", end_step_},
                             {"steps_per_epoch", steps_per_epoch_},
                             {"provenance", spec_.provenance}};
    if (!spec_.fork.empty()) status["fork_epoch"] = epoch_at(spec_.first_step);
    if (!final_metrics.is_null()) status["final"] = final_metrics;
    write_file_atomically(folder_ / "status.json", status.dump(2) + "\n");
  }

  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  const RunSpec& spec_;
  const RunContext& context_;
  std::filesystem::path folder_;
  ImageBatches train_;
  ImageBatches test_;
  TrainState state_;
  std::int64_t steps_per_epoch_;
  std::int64_t end_step_;
  Schedule schedule_;
  SnapshotRule rule_;
  TrainStep step_;
  Evaluator evaluator_;
  TrajectoryWriter trajectory_;
  MetricsLog metrics_;
  std::int64_t last_checkpoint_;
  std::int64_t last_snapshot_;
  std::optional<double> loss_;  // of the last batch that was looked at
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::int64_t run_end_step(const RunSpec& spec, std::int64_t num_train_images) {
  const double per_epoch = static_cast<double>(steps_per_epoch(num_train_images, spec.train.batch));
  return spec.first_step + std::llround(spec.train.epochs * per_epoch);
}

nlohmann::json read_run_status(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "status.json";
  if (!std::filesystem::exists(file)) return {};
  nlohmann::json status = read_json_file(file.string());
  const auto has = [&](const char* key, nlohmann::json::value_t type) {
    return status.is_object() && status.contains(key) && status.at(key).type() == type;
  };
  check(has("state", nlohmann::json::value_t::string) &&
            (status.at("state") != "done" || has("final", nlohmann::json::value_t::object)),
        "{} is damaged; remove it, and the run goes on from its last checkpoint", file.string());
  return status;
}

nlohmann::json read_run_identity(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "run.json";
  nlohmann::json identity = read_json_file(file.string());
  check(identity.is_object() && identity.contains("name") && identity.at("name").is_string() &&
            identity.contains("first_step") && identity.at("first_step").is_number_integer() &&
            identity.contains("description") && identity.at("description").is_object() && identity.contains("seed"),
        "{} is damaged: it does not describe a run", file.string());
  return identity;
}

nlohmann::json train_run(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder) {
  const FolderLock lock(folder);
  claim_folder(folder, identity_of(spec, context.graph));
  const nlohmann::json status = read_run_status(folder);
  if (!status.is_null() && status.at("state") == "done") return status.at("final");
  return RunLoop(spec, context, folder, starting_point(spec, context.graph, folder)).run();
}

}  // namespace thalweg

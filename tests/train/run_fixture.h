// A test fixture that trains a small run in a temporary folder, deletes parts of its state and compares its files.
#pragma once

#include <cstdint>
#include <fstream>

#include <gtest/gtest.h>

#include "base/stop.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "models/models.h"
#include "train/checkpoint.h"
#include "train/plan.h"
#include "train/run.h"

namespace thalweg {

// A small run with everything that has state (batch norm, momentum, augmentation), and a smaller last batch.
class RunTest : public testing::Test {
 protected:
  RunTest()
      : data_(load_data({.train_images = 70, .test_images = 20})), graph_(build_model(small_model(), {3, 32, 32}, 10)) {
    spec_.train.epochs = 3;
    spec_.train.batch = 16;
    spec_.train.augment = {4, true, 4};
    spec_.train.schedule = {{"kind", "late_decay"}, {"lr", 0.05}, {"decay_at", 2}, {"factor", 0.1}};
    spec_.train.snapshots = {{"every_epochs", 0.5}, {"around_rate_change", 1}};
    spec_.train.log_every = 3;
    spec_.seed = 4;
    spec_.description = {{"model", {{"name", "vgg11_bn"}}}};
  }
  ~RunTest() override { request_stop(false); }

  static ModelConfig small_model() {
    ModelConfig model;
    model.name = "vgg11_bn";
    model.width = 0.0625;
    return model;
  }
  nlohmann::json train(const RunSpec& spec, const std::string& name) {
    return train_run(spec, {graph_, data_, device_, ProgressMode::kQuiet}, folder_ / name);
  }
  // The contents of a run's weights, trajectory and metrics, without wall-clock times.
  std::string fingerprint(const std::string& name) const {
    std::string out = read_file(folder_ / (name + "/weights.safetensors"));
    out +=
        read_file(folder_ / (name + "/trajectory/weights.f32")) + read_file(folder_ / (name + "/trajectory/index.log"));
    std::ifstream metrics(folder_ / (name + "/metrics.jsonl"));
    for (std::string line; std::getline(metrics, line);) {
      nlohmann::json json = nlohmann::json::parse(line);
      json.erase("seconds");
      out += json.dump();
    }
    return out;
  }

  // A branch that forks from the run "main" at `step`; that run must keep this step's checkpoint.
  RunSpec branch_at(std::int64_t step) const {
    RunSpec branch = spec_;
    branch.name = "branch";
    branch.keep.clear();
    branch.first_step = step;
    branch.fork = checkpoint_path(folder_ / "main", step);
    return branch;
  }
  // Keeps the checkpoint of every step.
  void keep_all() {
    spec_.keep.clear();
    for (std::int64_t step = 0; step <= end_step(); ++step) spec_.keep.push_back(step);
  }
  std::int64_t end_step() const { return RunPlan(spec_, data_.train.size()).end_step(); }
  // Makes the state that a kill during the next step leaves: no later checkpoints, but journals may extend past the
  // last one.
  void forget_beyond(const std::string& name, std::int64_t step) {
    for (const std::int64_t later : checkpoint_steps(folder_ / name))
      if (later > step) std::filesystem::remove(checkpoint_path(folder_ / name, later));
    std::filesystem::remove(folder_ / (name + "/status.json"));
    std::filesystem::remove(folder_ / (name + "/weights.safetensors"));
  }

  TempFolder folder_;
  c10::Device device_{at::kCPU};
  DataSet data_;
  Graph graph_;
  RunSpec spec_;
};

}  // namespace thalweg

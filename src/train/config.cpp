#include "train/config.h"

#include <cmath>

#include "base/error.h"
#include "train/schedule.h"
#include "trajectory/snapshot_rule.h"

namespace thalweg {
namespace {

constexpr double kBelowOne = 1 - 1e-12;
constexpr double kLargestFloat = 1e38;  // steps are computed in float32
// Steps per epoch while the data set is unknown: enough to accept every schedule that some data set allows.
constexpr std::int64_t kManySteps = 1 << 20;

const EnumNames<OptimizerKind> kOptimizers = {{OptimizerKind::kSgd, "sgd"}, {OptimizerKind::kAdamW, "adamw"}};
const EnumNames<AverageKind> kAverages = {
    {AverageKind::kNone, "none"}, {AverageKind::kEma, "ema"}, {AverageKind::kSwa, "swa"}};

OptimizerConfig read_optimizer(ConfigReader reader) {
  OptimizerConfig config;
  config.kind = reader.get_enum("kind", config.kind, kOptimizers);
  if (config.kind == OptimizerKind::kAdamW) {
    config.weight_decay = 0.01;  // torch.optim.AdamW's
    config.beta1 = reader.get_double("beta1", config.beta1, 0, kBelowOne);
    config.beta2 = reader.get_double("beta2", config.beta2, 0, kBelowOne);
    config.eps = reader.get_double("eps", config.eps, 0, 1);
  } else {
    config.momentum = reader.get_double("momentum", config.momentum, 0, 1);
    config.nesterov = reader.get_bool("nesterov", config.nesterov);
  }
  config.weight_decay = reader.get_double("weight_decay", config.weight_decay, 0, kLargestFloat);
  config.clip_norm = reader.get_double("clip_norm", 0, 0, kLargestFloat);
  config.sam_rho = reader.get_double("sam_rho", 0, 0, kLargestFloat);
  config.decay_norm_and_bias = reader.get_bool("decay_norm_and_bias", config.decay_norm_and_bias);
  if (config.nesterov && config.momentum == 0) {
    fail_usage("{} needs a momentum above 0", reader.full_name("nesterov"));
  }
  reader.finish();
  return config;
}

AverageConfig read_average(ConfigReader reader) {
  AverageConfig config;
  config.kind = reader.get_enum("kind", config.kind, kAverages);
  config.decay = reader.get_double("decay", config.decay, 0, kBelowOne);
  config.start_epoch = reader.get_double("start_epoch", 0, 0);
  reader.finish();
  return config;
}

nlohmann::json to_json(const OptimizerConfig& o) {
  nlohmann::json json = {{"kind", name_of(o.kind, kOptimizers)},
                         {"weight_decay", o.weight_decay},
                         {"decay_norm_and_bias", o.decay_norm_and_bias},
                         {"clip_norm", o.clip_norm},
                         {"sam_rho", o.sam_rho}};
  if (o.kind == OptimizerKind::kAdamW) {
    json.update({{"beta1", o.beta1}, {"beta2", o.beta2}, {"eps", o.eps}});
  } else {
    json.update({{"momentum", o.momentum}, {"nesterov", o.nesterov}});
  }
  return json;
}

nlohmann::json to_json(const AverageConfig& a) {
  return {{"kind", name_of(a.kind, kAverages)}, {"decay", a.decay}, {"start_epoch", a.start_epoch}};
}

AugmentSpec read_augment(ConfigReader reader) {
  AugmentSpec spec;
  spec.crop_padding = static_cast<int>(reader.get_int("crop", 0, 0, 32));
  spec.flip = reader.get_bool("flip", false);
  spec.cutout = static_cast<int>(reader.get_int("cutout", 0, 0, 64));
  reader.finish();
  return spec;
}

}  // namespace

bool AverageConfig::due(double epoch) const {
  if (kind == AverageKind::kNone || epoch < start_epoch) return false;
  return kind == AverageKind::kEma || epoch == std::floor(epoch);
}

TrainConfig read_train_config(ConfigReader reader) {
  TrainConfig config;
  config.epochs = reader.get_double("epochs", config.epochs, 0, 1e6);
  config.batch = reader.get_int("batch", config.batch, 1, 1 << 20);
  config.bf16 = reader.get_choice("precision", "float32", {"float32", "bf16"}) == "bf16";
  config.label_smoothing = reader.get_double("label_smoothing", 0, 0, 1);
  config.optimizer = read_optimizer(reader.get_object("optimizer"));
  config.average = read_average(reader.get_object("average"));
  config.accumulate = reader.get_int("accumulate", config.accumulate, 1, 1 << 20);
  config.mixup = reader.get_double("mixup", 0, 0, 1000);
  config.step_statistics = reader.get_bool("step_statistics", false);
  config.deterministic = reader.get_bool("deterministic", true);
  config.conv_plans = reader.get_bool("conv_plans", true);
  config.cuda_graph = reader.get_bool("cuda_graph", true);
  config.augment = read_augment(reader.get_object("augment"));
  if (reader.has("schedule")) config.schedule = reader.get_json("schedule");
  if (reader.has("snapshots")) config.snapshots = reader.get_json("snapshots");
  config.evaluate_every = read_cadence(reader, "evaluate_every", config.evaluate_every, {.may_be_never = true});
  config.checkpoint_every = read_cadence(reader, "checkpoint_every", config.checkpoint_every, {.may_be_minutes = true});
  config.log_every = reader.get_int("log_every", config.log_every, 0);
  config.keep_last = reader.get_int("keep_last", config.keep_last, 1, 1'000'000);
  if (reader.get_string("keep_best", "") != "") config.keep_best = reader.get_choice("keep_best", "", metric_names());
  config.early_stop = read_early_stop(reader.get_object("early_stop"));
  config.divergence_factor = reader.get_double("divergence_factor", config.divergence_factor, 0);
  if (config.divergence_factor > 0 && config.divergence_factor <= 1) {
    fail_usage("{}: expected 0 or a number above 1, got {}, with which even a network that guesses would be stopped",
               reader.full_name("divergence_factor"), config.divergence_factor);
  }
  reader.finish();
  return config;
}

nlohmann::json resolve_schedule(const nlohmann::json& schedule, const std::string& path, double epochs) {
  return Schedule(schedule, path, kManySteps, epochs).resolved();
}

nlohmann::json resolve_snapshots(const nlohmann::json& snapshots, const std::string& path) {
  return SnapshotRule(snapshots, path, {0, kManySteps, kManySteps, {}}).resolved();
}

nlohmann::json to_json(const TrainConfig& config) {
  const AugmentSpec& a = config.augment;
  return {{"epochs", config.epochs},
          {"batch", config.batch},
          {"precision", config.bf16 ? "bf16" : "float32"},
          {"label_smoothing", config.label_smoothing},
          {"optimizer", to_json(config.optimizer)},
          {"average", to_json(config.average)},
          {"accumulate", config.accumulate},
          {"mixup", config.mixup},
          {"step_statistics", config.step_statistics},
          {"deterministic", config.deterministic},
          {"conv_plans", config.conv_plans},
          {"cuda_graph", config.cuda_graph},
          {"augment", {{"crop", a.crop_padding}, {"flip", a.flip}, {"cutout", a.cutout}}},
          {"schedule", resolve_schedule(config.schedule, "train.schedule", config.epochs)},
          {"snapshots", resolve_snapshots(config.snapshots, "train.snapshots")},
          {"evaluate_every", to_json(config.evaluate_every)},
          {"checkpoint_every", to_json(config.checkpoint_every)},
          {"log_every", config.log_every},
          {"keep_last", config.keep_last},
          {"keep_best", config.keep_best},
          {"early_stop", to_json(config.early_stop)},
          {"divergence_factor", config.divergence_factor}};
}

}  // namespace thalweg

#include "train/config.h"

#include "base/error.h"

namespace thalweg {
namespace {

OptimizerConfig read_optimizer(ConfigReader reader) {
  OptimizerConfig config;
  config.momentum = reader.get_double("momentum", config.momentum, 0, 1);
  config.nesterov = reader.get_bool("nesterov", config.nesterov);
  config.weight_decay = reader.get_double("weight_decay", config.weight_decay, 0);
  config.decay_norm_and_bias = reader.get_bool("decay_norm_and_bias", config.decay_norm_and_bias);
  if (config.nesterov && config.momentum == 0) {
    fail_usage("{} needs a momentum above 0", reader.full_name("nesterov"));
  }
  reader.finish();
  return config;
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

TrainConfig read_train_config(ConfigReader reader) {
  TrainConfig config;
  config.epochs = reader.get_double("epochs", config.epochs, 0, 1e6);
  config.batch = reader.get_int("batch", config.batch, 1, 1 << 20);
  config.bf16 = reader.get_choice("precision", "float32", {"float32", "bf16"}) == "bf16";
  config.label_smoothing = reader.get_double("label_smoothing", 0, 0, 1);
  config.optimizer = read_optimizer(reader.get_object("optimizer"));
  config.augment = read_augment(reader.get_object("augment"));
  if (reader.has("schedule")) config.schedule = reader.get_json("schedule");
  if (reader.has("snapshots")) config.snapshots = reader.get_json("snapshots");
  config.evaluate_every = reader.get_int("evaluate_every", config.evaluate_every, 0);
  config.checkpoint_every = reader.get_double("checkpoint_every", config.checkpoint_every, 1e-3, 1e6);
  config.log_every = reader.get_int("log_every", config.log_every, 0);
  reader.finish();
  return config;
}

nlohmann::json to_json(const TrainConfig& config) {
  const OptimizerConfig& o = config.optimizer;
  const AugmentSpec& a = config.augment;
  return {{"epochs", config.epochs},
          {"batch", config.batch},
          {"precision", config.bf16 ? "bf16" : "float32"},
          {"label_smoothing", config.label_smoothing},
          {"optimizer",
           {{"momentum", o.momentum},
            {"nesterov", o.nesterov},
            {"weight_decay", o.weight_decay},
            {"decay_norm_and_bias", o.decay_norm_and_bias}}},
          {"augment", {{"crop", a.crop_padding}, {"flip", a.flip}, {"cutout", a.cutout}}},
          {"schedule", config.schedule},
          {"snapshots", config.snapshots},
          {"evaluate_every", config.evaluate_every},
          {"checkpoint_every", config.checkpoint_every},
          {"log_every", config.log_every}};
}

}  // namespace thalweg

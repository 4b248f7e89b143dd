#include "nn/evaluate.h"

#include <cmath>

#include <ATen/ops/isfinite.h>

#include "base/error.h"
#include "cli/command.h"
#include "data/image_batches.h"
#include "experiment/session.h"
#include "train/run_folder.h"
#include "train/weights_source.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

const ImageSet& split_of(const DataSet& data, const std::string& name) {
  if (name == "train") return data.train;
  if (name == "test") return data.test;
  if (data.validation.size() == 0)
    fail_usage("--split validation: there is no validation split, since data.validation_images is 0");
  return data.validation;
}

// The configuration from --config, or else from the weights' own description; --set applies to either.
ExperimentConfig config_of(const CommandLine& line, const nlohmann::json& description, const CommonFlags& flags) {
  nlohmann::json json;
  if (line.has("config")) {
    json = load_config_json(line.text("config"), flags);
  } else {
    check(description.contains("model") && description.contains("data"),
          "{} does not say which network and data it belongs to; name a configuration with --config",
          line.text("weights"));
    json = {{"model", description.at("model")}, {"data", description.at("data")}};
    const std::string path = description.value("/provenance/data_path"_json_pointer, std::string());
    if (!path.empty()) json["data"]["path"] = path;
    apply_flags(json, flags);
  }
  return read_experiment_config(json);
}

}  // namespace

void evaluate_command(int argc, char** argv) {
  CommandLine line(
      "evaluate", "Computes loss and accuracy of one set of weights over all images of a split, in float32.",
      "--weights FILE [--split test]",
      "  thalweg evaluate --weights out/demo/main/weights.safetensors --split test --json\n"
      "  thalweg evaluate --weights vgg16_bn.safetensors --config experiments/cifar10-vgg11-cpu.json --set "
      "model.name=vgg16_bn\n");
  line.add()("weights", "safetensors file with PyTorch names, a checkpoint, or a run's folder",
             cxxopts::value<std::string>(),
             "FILE")("split", "train, validation or test", cxxopts::value<std::string>()->default_value("test"),
                     "SPLIT")("config", "configuration with the model and data of weights that do not carry them",
                              cxxopts::value<std::string>(), "FILE");
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string weights_flag = line.required("weights", "--weights FILE");
  const std::string split = line.text("split");

  if (split != "train" && split != "validation" && split != "test")
    fail_usage("--split: expected train, validation or test, got '{}'", split);
  const fs::path file = fs::is_directory(weights_flag) ? final_weights_of(weights_flag) : fs::path(weights_flag);
  const nlohmann::json description = describe_weights(file);
  Session session = open_session(config_of(line, description, flags), flags.progress);
  use_stored_normalisation(session, description, file.string());
  const Weights weights = load_weights(file, session.graph);
  for (const at::Tensor& values : {weights.weights, weights.buffers})
    check(at::isfinite(values).all().item<bool>(), "{}: it holds values that are not finite", file.string());
  const ImageSet& images = split_of(session.data, split);
  Evaluator evaluator(compile(session.graph), session.device);
  const SplitMetrics metrics =
      evaluate_weights(evaluator, weights.weights.to(session.device), weights.buffers.to(session.device),
                       on_device(images, session.data.normalisation, session.device), /*stops=*/true);
  if (flags.json) {
    nlohmann::json out = {
        {"loss", metrics.loss}, {"accuracy", metrics.accuracy}, {"images", metrics.images}, {"split", split}};
    fmt::print("{}\n", out.dump());
  } else {
    const double loss = std::isnan(metrics.loss) ? std::abs(metrics.loss) : metrics.loss;  // no "-nan"
    fmt::print("{} loss {:.6f}, accuracy {:.2f} %, {} images\n", split, loss, 100 * metrics.accuracy, metrics.images);
  }
}

}  // namespace thalweg

#include "train/checkpoint.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/parse_number.h"
#include "io/safetensors.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr const char* kMetadata = "checkpoint";

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view number(name.data() + kPrefix.size(), name.data() + name.size() - kSuffix.size());
  return parse_number<std::int64_t>(number);
}

at::Tensor checked(const SafetensorsFile& content, const std::string& name, std::int64_t size, at::ScalarType type,
                   const std::filesystem::path& file) {
  const at::Tensor& tensor = content.at(name);
  check(tensor.numel() == size && tensor.scalar_type() == type,
        "{}: '{}' has {} elements, but this network needs {}: it is a checkpoint of another network", file.string(),
        name, tensor.numel(), size);
  return tensor;
}

// Reads the checkpoint metadata; errors name the file.
class Info {
 public:
  Info(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata) : file_(file.string()) {
    const auto found = metadata.find(kMetadata);
    check(found != metadata.end(), "{}: this is not a checkpoint (no 'checkpoint' metadata)", file_);
    json_ = nlohmann::json::parse(found->second, nullptr, false);
  }
  bool has(const char* key) const { return json_.is_object() && json_.contains(key); }
  std::int64_t number(const char* key) const {
    check(has(key) && json_.at(key).is_number_integer(), "{}: its metadata is damaged: it has no number \"{}\"", file_,
          key);
    return json_.at(key).get<std::int64_t>();
  }

 private:
  std::string file_;
  nlohmann::json json_;
};

}  // namespace

std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t step) {
  return RunFolder{run}.checkpoints() / fmt::format("{}{:09}{}", kPrefix, step, kSuffix);
}

std::filesystem::path run_of_checkpoint(const std::filesystem::path& file) {
  return file.parent_path().parent_path();
}

void write_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint) {
  const TrainState& state = checkpoint.state;
  nlohmann::json info = {{"step", state.step},
                         {"num_snapshots", checkpoint.num_snapshots},
                         {"metrics_bytes", checkpoint.metrics_bytes},
                         {"averaged", state.averaged}};
  if (checkpoint.num_average_snapshots) info["num_average_snapshots"] = *checkpoint.num_average_snapshots;
  std::vector<NamedTensor> tensors = {{"weights", state.weights},
                                      {"momentum", state.momentum},
                                      {"buffers", state.buffers},
                                      {"epoch_sums", state.epoch_sums}};
  if (state.second_moment.defined()) tensors.push_back({"second_moment", state.second_moment});
  if (state.average.defined()) tensors.push_back({"average", state.average});
  write_safetensors(checkpoint_path(run, state.step), tensors, {{kMetadata, info.dump()}});
}

bool is_checkpoint(const std::filesystem::path& file) {
  return read_safetensors_metadata(file).contains(kMetadata);
}

std::int64_t checkpoint_step(const std::filesystem::path& file) {
  return Info(file, read_safetensors_metadata(file)).number("step");
}

Checkpoint read_checkpoint(const std::filesystem::path& file, const Graph& graph) {
  const SafetensorsFile content = read_safetensors(file);
  const Info info(file, content.metadata);
  Checkpoint checkpoint;
  TrainState& state = checkpoint.state;
  state.weights = checked(content, "weights", graph.parameters.size(), at::kFloat, file);
  state.momentum = checked(content, "momentum", graph.parameters.size(), at::kFloat, file);
  state.buffers = checked(content, "buffers", graph.buffers.size(), at::kFloat, file);
  state.epoch_sums = checked(content, "epoch_sums", 3, at::kDouble, file);
  const std::int64_t size = graph.parameters.size();
  if (content.contains("second_moment"))
    state.second_moment = checked(content, "second_moment", size, at::kFloat, file);
  if (content.contains("average")) state.average = checked(content, "average", size, at::kFloat, file);
  if (state.average.defined()) state.averaged = info.number("averaged");
  state.step = info.number("step");
  checkpoint.num_snapshots = info.number("num_snapshots");
  checkpoint.metrics_bytes = info.number("metrics_bytes");
  if (info.has("num_average_snapshots")) checkpoint.num_average_snapshots = info.number("num_average_snapshots");
  return checkpoint;
}

std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& run) {
  std::vector<std::int64_t> steps;
  const std::filesystem::path folder = RunFolder{run}.checkpoints();
  if (!std::filesystem::exists(folder)) return steps;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (const auto step = step_of(entry.path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace thalweg

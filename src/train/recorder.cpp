#include "train/recorder.h"

#include <algorithm>
#include <iterator>

#include "io/atomic_file.h"
#include "train/metrics_csv.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

constexpr std::string_view kLoss = "_loss";
constexpr std::string_view kAccuracy = "_accuracy";

std::string event_tag(const std::string& key) {
  if (key == "loss") return "loss/batch";
  for (const std::string_view suffix : {kLoss, kAccuracy}) {
    if (key.ends_with(suffix)) return fmt::format("{}/{}", suffix.substr(1), key.substr(0, key.size() - suffix.size()));
  }
  return key;
}

// {"epoch": 3, "step": 15, "lr": 0.1, "test_accuracy": 0.5} -> "epoch 3 (step 15): rate 0.1, test accuracy 50.00 %".
std::string sentence(const nlohmann::json& line) {
  std::string text = fmt::format("epoch {:g} (step {}): rate {:g}", line.at("epoch").get<double>(),
                                 line.at("step").get<std::int64_t>(), line.at("lr").get<double>());
  for (const auto& [key, value] : line.items()) {
    if (!value.is_number()) continue;
    if (key.ends_with(kLoss))
      text += fmt::format(", {} loss {:.4f}", key.substr(0, key.size() - kLoss.size()), value.get<double>());
    if (key.ends_with(kAccuracy))
      text += fmt::format(", {} accuracy {:.2f} %", key.substr(0, key.size() - kAccuracy.size()),
                          100 * value.get<double>());
  }
  return text;
}

std::vector<nlohmann::json> of_kind(const std::vector<nlohmann::json>& lines, std::string_view kind) {
  std::vector<nlohmann::json> out;
  std::ranges::copy_if(lines, std::back_inserter(out), [&](const auto& line) { return line.at("kind") == kind; });
  return out;
}

}  // namespace

Recorder::Recorder(const std::filesystem::path& run, std::int64_t metrics_bytes, std::int64_t step)
    : run_(run),
      metrics_(RunFolder{run}.metrics(), metrics_bytes),
      lines_(read_metric_lines(RunFolder{run}.metrics())),
      events_(run, step + 1),
      log_(run / "log.txt") {
  write_table();
}

void Recorder::record(const nlohmann::json& line) {
  metrics_.append(line);
  events_.add(line.at("step").get<std::int64_t>(), scalars_of(line));
  if (line.at("kind") == "step") return;
  events_.flush();
  log_.write(sentence(line));
  lines_.push_back(line);
  if (line.at("kind") == "epoch") write_table();
}

std::int64_t Recorder::sync() {
  events_.flush();
  return metrics_.sync();
}

void Recorder::write_table() const {
  write_file_atomically(run_ / "metrics.csv", metrics_csv(of_kind(lines_, "epoch")));
}

std::vector<EventScalar> Recorder::scalars_of(const nlohmann::json& line) {
  const auto step = line.at("step").get<std::int64_t>();
  std::vector<EventScalar> scalars;
  for (const auto& [key, value] : line.items()) {
    const bool is_axis = key == "step" || key == "epoch" || key == "seconds";
    if (!value.is_number() || is_axis || (key == "lr" && step == rate_step_)) continue;
    scalars.push_back({event_tag(key), value.get<double>()});
  }
  rate_step_ = step;
  return scalars;
}

}  // namespace thalweg

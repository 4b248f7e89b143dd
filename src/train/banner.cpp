#include "train/banner.h"

#include "io/json_member.h"
#include "kernels/conv_taps.h"
#include "train/run_folder.h"

namespace thalweg {
namespace {

// 1234567 -> "1,234,567".
std::string grouped(std::int64_t number) {
  if (number < 1000) return fmt::format("{}", number);
  return fmt::format("{},{:03}", grouped(number / 1000), number % 1000);
}

// {"name": "vgg11", "width": 1} -> "vgg11, width 1".
std::string settings(const nlohmann::json& object) {
  std::string text = object.value("name", "");
  for (const auto& [key, value] : object.items()) {
    if (key != "name") text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value.dump());
  }
  return text;
}

std::string position(const RunSpec& spec, const RunPlan& plan, std::int64_t step) {
  const char* how = step > spec.first_step ? "continues" : spec.fork.empty() ? "starts" : "forks";
  return fmt::format("{} at step {} (epoch {:g}), ends at step {} (epoch {:g}); {} steps per epoch", how, step,
                     plan.epoch_at(step), plan.end_step(), plan.epoch_at(plan.end_step()), plan.steps_per_epoch());
}

}  // namespace

std::string run_banner(const RunSpec& spec, const RunContext& context, const RunPlan& plan,
                       const std::filesystem::path& folder, std::int64_t step) {
  const nlohmann::json empty = nlohmann::json::object();
  std::string text = fmt::format("run {} in {}, thalweg {} ({})", spec.name, folder.string(),
                                 spec.provenance.value("version", "?"), spec.provenance.value("commit", "?"));
  const auto add = [&](const std::string& name, const std::string& value) {
    text += fmt::format("\n  {:<17} {}", name, value);
  };
  add("steps", position(spec, plan, step));
  add("model", fmt::format("{}: {} parameters, {:.4g} M multiply-adds per image",
                           settings(spec.description.value("model", empty)), grouped(context.graph.parameters.size()),
                           static_cast<double>(forward_macs(context.graph)) / 1e6));
  add("data",
      fmt::format("{}: {} train, {} test, {} validation images, SHA-256 {:.16}",
                  settings(spec.description.value("data", empty)), grouped(context.data.train.size()),
                  grouped(context.data.test.size()), grouped(context.data.validation.size()), context.data.digest));
  const int threads = spec.provenance.value("threads", 0);
  add("device", fmt::format("{}, {}, {} thread{}", context.device.str(), spec.provenance.value("processor", "?"),
                            threads, threads == 1 ? "" : "s"));
  const bool deterministic = context.device.is_cpu() || spec.train.deterministic;
  add("bit-reproducible", deterministic ? "yes" : "no");
  add("seed", std::to_string(spec.seed));
  // All training settings, as named in the configuration.
  const nlohmann::json train = to_json(spec.train);
  for (const auto& [key, value] : train.items()) {
    const std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    add(key, shown.empty() ? "none" : shown);
  }
  return text;
}

std::vector<std::string> run_notes(const RunSpec& spec, const RunContext& context, const RunPlan& plan,
                                   const std::filesystem::path& folder, std::int64_t step) {
  std::vector<std::string> notes;
  if (const std::optional<std::int64_t> missed = plan.missed_change()) {
    notes.push_back(
        fmt::format("note: the schedule's last change, at epoch {:g}, has no effect: the run ends at epoch {:g}",
                    plan.epoch_at(*missed), plan.epoch_at(plan.end_step())));
  }
  if (!context.device.is_cpu()) return notes;
  const nlohmann::json now = member(spec.provenance, "threads");
  const nlohmann::json before = member(member(read_run_status(folder), "provenance"), "threads");
  // Sums over another number of threads differ in their last bits.
  if (step > spec.first_step && now.is_number() && before.is_number() && before != now) {
    notes.push_back(fmt::format(
        "note: the steps so far used {} CPU threads per run, and the run continues with {}: its results will not have "
        "the same bits as those of an uninterrupted run",
        before.dump(), now.dump()));
  }
  if (spec.train.bf16 && !multiplies_bf16())
    notes.push_back("note: this processor has no bf16 instructions; train.precision float32 avoids the conversions");
  return notes;
}

}  // namespace thalweg

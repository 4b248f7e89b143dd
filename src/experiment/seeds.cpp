#include "experiment/seeds.h"

#include "base/statistics.h"
#include "io/json_member.h"
#include "train/run_folder.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

nlohmann::json statistics_of(const nlohmann::json& values) {
  nlohmann::json out = {{"values", values}, {"mean", nullptr}, {"std", nullptr}};
  std::vector<double> numbers;
  for (const nlohmann::json& value : values) {
    if (!value.is_number()) return out;  // JSON writes NaN as null
    numbers.push_back(value.get<double>());
  }
  const Statistic statistic = statistic_of(numbers);
  out["mean"] = statistic.mean;
  if (numbers.size() > 1) out["std"] = statistic.deviation;
  return out;
}

// Names and folders of an experiment's runs, including their averages.
std::vector<std::pair<std::string, fs::path>> runs_of(const SeedExperiment& experiment) {
  std::vector<std::pair<std::string, fs::path>> out;
  const auto add = [&](const std::string& name, const fs::path& run) {
    out.emplace_back(name, run);
    const fs::path average = RunFolder{run}.average().path;
    if (read_run_status(average).contains("final")) out.emplace_back(average_name(name), average);
  };
  add(kMainRun, experiment.folder.main_run().path);
  for (const BranchConfig& branch : experiment.session.config.branches)
    add(branch.name, experiment.folder.branch_run(branch.name).path);
  return out;
}

}  // namespace

std::vector<SeedExperiment> seed_experiments(const Session& session, const fs::path& folder) {
  if (session.config.seeds.empty()) return {{session, {folder}}};
  std::vector<SeedExperiment> out;
  for (const std::uint64_t seed : session.config.seeds) {
    SeedExperiment experiment{session, ExperimentFolder{folder}.seed(seed)};
    experiment.session.config.seed = seed;
    experiment.session.config.seeds.clear();
    out.push_back(std::move(experiment));
  }
  return out;
}

nlohmann::json summarise_seeds(const std::vector<SeedExperiment>& experiments) {
  nlohmann::json seeds = nlohmann::json::array(), finals = nlohmann::json::array(), runs;
  for (const SeedExperiment& experiment : experiments) {
    seeds.push_back(experiment.session.config.seed);
    nlohmann::json& of_seed = finals.emplace_back();
    for (const auto& [name, run] : runs_of(experiment)) {
      of_seed[name] = read_run_status(run).at("final");
      for (const auto& [metric, value] : of_seed[name].items()) runs[name][metric] = nullptr;
    }
  }
  for (const auto& [name, metrics] : runs.items()) {
    for (const auto& [metric, statistics] : metrics.items()) {
      nlohmann::json values = nlohmann::json::array();
      for (const nlohmann::json& of_seed : finals) values.push_back(member(member(of_seed, name), metric));
      statistics = statistics_of(values);
    }
  }
  return {{"seeds", seeds}, {"runs", runs}};
}

}  // namespace thalweg

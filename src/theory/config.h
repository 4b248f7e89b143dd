// The configuration of `thalweg theory` (docs/theory.md lists the keys).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

enum class LabelNoise {
  kNone,
  kFixed,  // drawn once, as part of the data
  kFresh   // drawn anew at each step; the data have no noise
};

// The plane of the landscape: PCA of the paths, or the one through the known solutions and the initial weights.
enum class TheoryPlane { kPca, kSolutions, kNone };

struct TheoryConfig {
  std::string name = "theory";
  std::uint64_t seed = 0;  // of the first data set
  std::string device = "auto";
  int threads = 0;

  std::int64_t dimensions = 200;  // d
  std::int64_t samples = 100;     // n < d
  double gamma = 1;
  double target_norm = 1;  // ||w*||
  double init_norm = 1;    // ||w_0||
  LabelNoise noise = LabelNoise::kNone;
  double noise_std = 0.1;
  std::int64_t batch = 1;  // 0: all samples, each once
  std::int64_t steps = 100'000;
  std::int64_t seeds = 8;  // number of data sets, with seeds seed, seed + 1, ...
  bool float64 = false;

  // Either a diagram over rates x decay times, or schedules by name.
  std::vector<double> rates;
  std::vector<std::int64_t> decay_times;  // steps
  double factor = 0.1;
  nlohmann::json schedules;  // name -> schedule with times in steps; null: a diagram

  std::int64_t records = 100;  // evenly spaced, in addition to ten per decade

  TheoryPlane plane = TheoryPlane::kPca;  // plane of the landscape
  std::string grid = "61x61";
  double margin = 0.25;

  std::int64_t draws() const { return batch == 0 ? samples : batch; }  // samples per step
};

// Validates everything; throws usage Error naming the key.
TheoryConfig read_theory_config(const nlohmann::json& json);
nlohmann::json to_json(const TheoryConfig& config);

}  // namespace thalweg

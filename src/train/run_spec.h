// The specification of a run: everything that determines its bits, and the descriptions written beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "train/config.h"
#include "trajectory/folders.h"

namespace thalweg {

struct RunSpec {
  std::string name = kMainRun;
  TrainConfig train;
  std::uint64_t seed = 0;
  std::int64_t first_step = 0;  // 0, or the step of the fork
  // The last step; empty: round(train.epochs * steps per epoch) after the first one.
  std::optional<std::int64_t> end_step;
  std::filesystem::path fork;      // the checkpoint of first_step; empty: initial weights
  std::vector<std::int64_t> keep;  // steps whose checkpoints are kept for branches to fork from
  // Model, data and normalisation, written beside the weights.
  nlohmann::json description = nlohmann::json::object();
  // Version, commit, device, threads.
  nlohmann::json provenance = nlohmann::json::object();
};

}  // namespace thalweg

// Splits an experiment into one per seed, and summarises their final metrics.
#pragma once

#include <filesystem>
#include <vector>

#include "experiment/session.h"
#include "trajectory/folders.h"

namespace thalweg {

// An experiment with one seed, and its folder.
struct SeedExperiment {
  Session session;
  ExperimentFolder folder;
};

// Without "seeds" returns the session itself in `folder`; with them one per seed, in folder/seeds/<seed>, all
// sharing data and network.
std::vector<SeedExperiment> seed_experiments(const Session& session, const std::filesystem::path& folder);

// {"seeds": [...], "runs": {"main": {"test_loss": {"values": [...], "mean", "std"}, ...}, "<branch>": {...}}} for runs
// that have finished. "std" is the sample standard deviation (n - 1), null for one seed or values that are not finite.
nlohmann::json summarise_seeds(const std::vector<SeedExperiment>& experiments);

}  // namespace thalweg

// One experiment for each of several seeds, and what their final metrics have in common.
#pragma once

#include <filesystem>
#include <vector>

#include "experiment/session.h"
#include "trajectory/folders.h"

namespace thalweg {

// An experiment with one seed, and its folder.
struct Member {
  Session session;
  ExperimentFolder folder;
};

// The session itself in `folder`; with "seeds" one a seed, in folder/seeds/<seed>, sharing data and network.
std::vector<Member> members_of(const Session& session, const std::filesystem::path& folder);

// {"seeds": [...], "runs": {"main": {"test_loss": {"values": [...], "mean", "std"}, ...}, "<branch>": {...}}} of runs
// that are done; the standard deviation is the sample's (n - 1), null for one seed or values that are not finite.
nlohmann::json summarise_seeds(const std::vector<Member>& members);

}  // namespace thalweg

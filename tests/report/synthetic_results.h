// Made-up experiments with several seeds, and checks of the claims about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "report/claims.h"
#include "text_checks.h"

namespace thalweg {

inline constexpr double kEnd = 10;

// A run evaluated after every epoch, with an accuracy that changes linearly from the main path's, 0.4, to `last`.
inline RunSeries run_of(const std::string& name, std::optional<double> fork, double end, double last) {
  RunSeries run{name, fork, {}, nullptr};
  const double from = fork.value_or(0);
  for (double epoch = from + 1; epoch <= end; ++epoch) {
    const double accuracy = 0.4 + (last - 0.4) * (epoch - from) / (end - from);
    run.epochs.push_back({static_cast<std::int64_t>(epoch), epoch, 1, 0.5, 1 - accuracy, accuracy});
  }
  run.final_metrics = {{"train_loss", 0.1}, {"test_accuracy", last}, {"test_loss", 1 - last}};
  run.measures = {{"weight_norm", 3.0}};
  return run;
}

// An experiment with branches at epochs 2, 4 and 6; `last[seed]` has their final accuracies.
inline Results results_of(const std::vector<std::vector<double>>& last,
                          const std::vector<double>& ends = {kEnd, kEnd, kEnd}) {
  Results out{"late decay", {}, {}, {}};
  for (const std::vector<double>& of_seed : last) {
    ReportData seed;
    seed.runs.push_back(run_of("main", std::nullopt, kEnd, 0.4));
    for (std::size_t i = 0; i < 3; ++i) {
      const double fork = 2 + 2 * static_cast<double>(i);
      seed.runs.push_back(run_of(fmt::format("decay-at-{:g}", fork), fork, ends[i], of_seed[i]));
    }
    out.seeds.push_back(std::move(seed));
  }
  return out;
}

inline const std::vector<std::vector<double>> kLaterIsBetter = {
    {0.50, 0.52, 0.55}, {0.51, 0.53, 0.55}, {0.50, 0.53, 0.56}};

inline Claim claim_named(const std::vector<Claim>& claims, const std::string& id) {
  for (const Claim& claim : claims) {
    if (claim.id == id) return claim;
  }
  ADD_FAILURE() << id;
  return {};
}

inline void expect_told(const Claim& claim, const std::string& part) {
  EXPECT_TRUE(contains(claim.measured, part)) << claim.measured;
}

}  // namespace thalweg

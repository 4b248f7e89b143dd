// The names of runs, both within one seed and among the runs of several seeds.
#pragma once

#include <cstdint>
#include <string>

namespace thalweg {

struct RunName {
  std::string run;          // "main", or a branch's name
  std::string seed;         // decimal; empty if all runs have the same seed
  bool is_average = false;  // whether it is the path of that run's averaged weights
};
// For example "main-average". No run has a name of this form.
std::string average_name(const std::string& run);
// For example "main, seed 2" or "main-average, seed 2". A run's own name contains no comma.
std::string name_with_seed(const std::string& run, std::uint64_t seed);
RunName split_run_name(const std::string& name);

}  // namespace thalweg

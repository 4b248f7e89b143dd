// How runs are named: by themselves, and where those of several seeds come together.
#pragma once

#include <cstdint>
#include <string>

namespace thalweg {

struct RunName {
  std::string run;          // "main", or a branch's name
  std::string seed;         // decimal; empty where all runs are of one seed
  bool is_average = false;  // the averaged weights of that run, a path of their own
};
// "main-average". No run has such a name of its own.
std::string average_name(const std::string& run);
// "main, seed 2", "main-average, seed 2". A run's own name has no comma in it.
std::string name_with_seed(const std::string& run, std::uint64_t seed);
RunName split_run_name(const std::string& name);

}  // namespace thalweg

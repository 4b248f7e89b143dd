// How much of a map is worked on at once, and what to do where that does not fit into memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace thalweg {

struct Batching {
  std::int64_t chunk = 1024;  // images a forward pass takes
  int lanes = 2;              // points in flight: the weights of the next are made while the first is evaluated

  bool operator==(const Batching&) const = default;
};

// Half the points, and where there is one left, half the images; nothing below one point and 16 images.
std::optional<Batching> halved(const Batching& batching);

// Calls `attempt` with the batching, and where memory runs out (base/memory.h) `release` and `attempt` with
// half of it, until it does; `batching` is then what did. Throws Error where the smallest does not fit.
void run_within_memory(Batching& batching, const std::function<void(const Batching&)>& attempt,
                       const std::function<void()>& release);

// The fastest chunk, then the fastest number of lanes for it, each measured once: `seconds` says what a point takes.
// What does not fit into memory is passed over; Error where nothing fits.
Batching fastest_batching(const std::vector<std::int64_t>& chunks, const std::vector<int>& lanes,
                          const std::function<double(const Batching&)>& seconds);

}  // namespace thalweg

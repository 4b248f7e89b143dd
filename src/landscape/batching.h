// The amount of work in flight, and how it is reduced when memory runs out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace thalweg {

struct Batching {
  std::int64_t chunk = 1024;  // images per forward pass
  int lanes = 2;              // points in flight: the next point's weights are made while one is evaluated

  bool operator==(const Batching&) const = default;
};

// Halves the number of points or, at one point, the number of images. Returns nullopt below one point and 16 images.
std::optional<Batching> halved(const Batching& batching);

// Calls `attempt` with `batching`. If memory runs out (base/memory.h), calls `release`, halves `batching` and tries
// again; on return, `batching` is the one that succeeded. Throws Error if the smallest does not fit.
void run_within_memory(Batching& batching, const std::function<void(const Batching&)>& attempt,
                       const std::function<void()>& release);

// Finds the fastest chunk, then the fastest number of lanes for it, measuring each once; `seconds` returns the time per
// point. Candidates that do not fit into memory are skipped; throws Error if none fits.
Batching fastest_batching(const std::vector<std::int64_t>& chunks, const std::vector<int>& lanes,
                          const std::function<double(const Batching&)>& seconds);

}  // namespace thalweg

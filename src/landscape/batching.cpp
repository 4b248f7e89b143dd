#include "landscape/batching.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/memory.h"

namespace thalweg {
namespace {

constexpr std::int64_t kSmallestChunk = 16;

// Infinite if the batching does not fit into memory.
double time_of(const Batching& batching, const std::function<double(const Batching&)>& seconds) {
  try {
    return seconds(batching);
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    return std::numeric_limits<double>::infinity();
  }
}

}  // namespace

std::optional<Batching> halved(const Batching& batching) {
  if (batching.lanes > 1) return Batching{batching.chunk, batching.lanes / 2};
  if (batching.chunk / 2 < kSmallestChunk) return std::nullopt;
  return Batching{batching.chunk / 2, 1};
}

void run_within_memory(Batching& batching, const std::function<void(const Batching&)>& attempt,
                       const std::function<void()>& release) {
  for (;;) {
    std::string what;
    try {
      return attempt(batching);
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      what = first_line(error.what());
    }
    // Outside the handler, since the exception may keep alive the objects that hold the memory.
    release();
    const std::optional<Batching> smaller = halved(batching);
    check(smaller.has_value(),
          "out of memory with {} images of one point at a time: {}; free memory on the device, or use another device",
          batching.chunk, what);
    batching = *smaller;
  }
}

Batching fastest_batching(const std::vector<std::int64_t>& chunks, const std::vector<int>& lanes,
                          const std::function<double(const Batching&)>& seconds) {
  Batching best{chunks.at(0), lanes.at(0)};
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](const Batching& candidate) {
    const double time = time_of(candidate, seconds);
    if (time < least) {
      least = time;
      best = candidate;
    }
  };
  for (const std::int64_t chunk : chunks) consider({chunk, lanes.front()});
  const std::int64_t chunk = best.chunk;
  for (std::size_t k = 1; k < lanes.size(); ++k) consider({chunk, lanes[k]});
  check(std::isfinite(least), "out of memory with {} images of one point at a time, the smallest number that was tried",
        chunks.back());
  return best;
}

}  // namespace thalweg

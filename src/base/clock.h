// The clock by which work is timed.
#pragma once

#include <chrono>

namespace thalweg {

// Goes on evenly when somebody sets the time of day.
using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace thalweg

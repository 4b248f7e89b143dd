// The text form of the numbers in claims.
#pragma once

#include <cmath>
#include <string>

#include <fmt/format.h>

#include "base/statistics.h"

namespace thalweg {

inline std::string of_seeds(std::size_t count, std::size_t all) {
  return fmt::format("{} of {} seeds", count, all);
}

// "0.21 [0.15, 0.27]"; without the interval if there are fewer than two values.
inline std::string with_interval(const MeanTest& test, int digits) {
  if (test.count < 2) return fmt::format("{:.{}f}", test.mean, digits);
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", test.mean, digits, test.low, digits, test.high, digits);
}

inline std::string p_text(const MeanTest& test) {
  if (test.count < 2) return "one seed";
  if (std::isnan(test.p)) return "no difference in any seed";  // all differences are 0
  return test.p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", test.p);
}

}  // namespace thalweg

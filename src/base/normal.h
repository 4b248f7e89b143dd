// Standard normal numbers from a counter-based stream (Box-Muller, double precision).
#pragma once

#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace thalweg {

class NormalStream {
 public:
  explicit NormalStream(Philox stream) : stream_(stream) {}

  double next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(stream_.uniform()));
    const double angle = 2.0 * std::numbers::pi * stream_.uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  Philox stream_;
  double spare_ = 0.0;      // the second number of the last pair
  bool has_spare_ = false;  // whether spare_ has yet to be returned
};

}  // namespace thalweg

// The curves that learning-rate schedules are made of, without their warm-up. All are small values with
//   start()       the rate that a preceding warm-up leads up to
//   rate(t)       the rate of step t >= 0, counted from the start of the shape
//   changes(end)  the steps below `end` at which the rate jumps, bends or turns; unordered, possibly repeated
// Pure. train/schedule_kinds.h reads them from JSON.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace thalweg {

// Interpolates from a to b as q goes from 0 to 1.
enum class Curve {
  kHold,    // a; jumps to b at the end
  kLinear,  // a + (b - a) q
  kCosine,  // b + (a - b) (1 + cos(pi q)) / 2
  kSqrt,    // b + (a - b) (1 - sqrt(q))
  kPower    // b + (a - b) (1 - q)^power
};

// Curves between knots; constant before the first knot and from the last one on.
struct Piecewise {
  struct Knot {
    double at;  // in steps; may be fractional or negative
    double rate;
  };
  std::vector<Knot> knots;  // at least one, `at` ascending; of several at the same place the last counts
  Curve curve = Curve::kHold;
  double power = 1;

  double start() const { return knots.front().rate; }
  double rate(std::int64_t t) const;
  std::vector<std::int64_t> changes(std::int64_t end) const;
};

// lr * factor^floor(t / every)
struct Staircase {
  double lr;
  double factor;
  std::int64_t every;  // steps, at least 1

  double start() const { return lr; }
  double rate(std::int64_t t) const;
  std::vector<std::int64_t> changes(std::int64_t end) const;
};

// lr * sqrt(timescale / (t + timescale)): the tail of Vaswani et al. 2017, eq. 3 (arXiv:1706.03762).
struct InverseSqrt {
  double lr;
  std::int64_t timescale;  // steps, at least 1

  double start() const { return lr; }
  double rate(std::int64_t t) const;
  std::vector<std::int64_t> changes(std::int64_t) const { return {}; }
};

// Rises from `low` and falls back to it (Smith 2017, arXiv:1506.01186): low + (high - low) * height. The height rises
// from 0 to 1 in `up` steps and falls back in `down`, and is scaled by cycle_factor per completed cycle and by
// step_factor per step.
struct Cyclic {
  double low;
  double high;
  std::int64_t up;    // steps, at least 1
  std::int64_t down;  // steps, at least 1
  double cycle_factor = 1;
  double step_factor = 1;

  double start() const { return low; }
  double rate(std::int64_t t) const;
  std::vector<std::int64_t> changes(std::int64_t end) const;
};

using ScheduleShape = std::variant<Piecewise, Staircase, InverseSqrt, Cyclic>;

}  // namespace thalweg

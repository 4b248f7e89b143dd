// The curves that learning-rate schedules are made of, without their warm-up: small values, all with
//   start()       the rate that a warm-up in front leads up to
//   rate(t)       of step t >= 0, counted from where the shape begins
//   changes(end)  steps below `end` at which the rate jumps, bends or turns; in any order, repetitions allowed
// Pure; how JSON describes them is in train/schedule_kinds.h.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace thalweg {

// From a to b as q goes from 0 to 1.
enum class Curve {
  kHold,    // a; it jumps to b at the end
  kLinear,  // a + (b - a) q
  kCosine,  // b + (a - b) (1 + cos(pi q)) / 2
  kSqrt,    // b + (a - b) (1 - sqrt(q))
  kPower    // b + (a - b) (1 - q)^power
};

// Curves between knots; the first knot's rate before it, the last one's from it on.
struct Piecewise {
  struct Knot {
    double at;  // steps, may be a fraction and below 0
    double rate;
  };
  std::vector<Knot> knots;  // at least one, `at` ascending; of several at one place the last counts
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

// Up from `low` and down to it again (Smith 2017, arXiv:1506.01186): low + (high - low) * height, where height rises
// from 0 to 1 in `up` steps and falls back in `down`, times cycle_factor a cycle done and step_factor a step done.
struct Cyclic {
  double low;
  double high;
  std::int64_t up;    // steps, at least 1
  std::int64_t down;  // likewise
  double cycle_factor = 1;
  double step_factor = 1;

  double start() const { return low; }
  double rate(std::int64_t t) const;
  std::vector<std::int64_t> changes(std::int64_t end) const;
};

using ScheduleShape = std::variant<Piecewise, Staircase, InverseSqrt, Cyclic>;

}  // namespace thalweg

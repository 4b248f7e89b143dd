// A sample that grows until a betting interval (betting.h) answers the question at hand.
#pragma once

#include <cstdint>
#include <optional>

#include "landscape/betting.h"

namespace thalweg {

class BettingSample {
 public:
  virtual ~BettingSample() = default;
  BettingSample(const BettingSample&) = delete;
  BettingSample& operator=(const BettingSample&) = delete;

  // Draws until the sample has n values, and records a look.
  void grow(std::int64_t n);
  std::int64_t population() const { return population_; }
  std::int64_t size() const { return static_cast<std::int64_t>(drawn_.values.size()); }
  // The mean of the drawn values.
  double mean() const;
  double half_width(double failure) const { return betting_half_width(drawn_, population_, failure); }

  // Grows until the half width is at most `goal`, and returns it. Returns nullopt if that would take more than half of
  // the population, or more than 1 / `cost` of it.
  std::optional<double> draw_to(double goal, double failure, double cost);

  struct Claim {
    double value = 0, tolerance = 0;
    double reach = 0;  // LookedAt::reach
  };
  struct Verdict {
    double deviation = 0;
    bool violated = false;
  };
  // Grows until it can decide whether the population mean is farther than the tolerance from the claimed value, with a
  // probability of error of at most `failure`. Returns nullopt if half of the population would not suffice or a value
  // is not finite.
  std::optional<Verdict> judge(const Claim& claim, double failure);

 protected:
  explicit BettingSample(std::int64_t population) : population_(population) {}
  // The drawn values, in order.
  const std::vector<double>& values() const { return drawn_.values; }

 private:
  // Draws until the sample has n values; returns the new ones.
  virtual std::vector<double> draw(std::int64_t n) = 0;
  void look_first();
  double images_for(double half_width, double goal) const;

  std::int64_t population_;
  LookedAt drawn_;
};

}  // namespace thalweg

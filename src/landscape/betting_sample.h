// A sample that grows until a betting interval (betting.h) settles what it is drawn for.
#pragma once

#include <optional>

#include "landscape/betting.h"

namespace thalweg {

class BettingSample {
 public:
  virtual ~BettingSample() = default;
  BettingSample(const BettingSample&) = delete;
  BettingSample& operator=(const BettingSample&) = delete;

  // Draws until n are there, and looks at them.
  void grow(std::int64_t n);
  std::int64_t population() const { return population_; }
  std::int64_t size() const { return static_cast<std::int64_t>(drawn_.values.size()); }
  // Of what was drawn.
  double mean() const;
  double half_width(double failure) const { return betting_half_width(drawn_, population_, failure); }

  // Grows until the half width is within the goal, and returns it; nothing where half of all would not do, or so many
  // that `cost` times as many are more than all.
  std::optional<double> draw_to(double goal, double failure, double cost);

  struct Claim {
    double value = 0, tolerance = 0;
    double reach = 0;  // LookedAt's
  };
  struct Verdict {
    double deviation = 0;
    bool violated = false;
  };
  // Grows until it can say whether the mean of all is farther than the tolerance from the value: wrong with probability
  // `failure` at most. Nothing where half of all would not do.
  std::optional<Verdict> judge(const Claim& claim, double failure);

 protected:
  explicit BettingSample(std::int64_t population) : population_(population) {}
  // In the order of the draws.
  const std::vector<double>& values() const { return drawn_.values; }

 private:
  // Draws until n are there; the new ones.
  virtual std::vector<double> draw(std::int64_t n) = 0;
  void look_first();
  double images_for(double half_width, double goal) const;

  std::int64_t population_;
  LookedAt drawn_;
};

}  // namespace thalweg

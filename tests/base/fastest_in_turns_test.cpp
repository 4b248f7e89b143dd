#include "base/fastest_in_turns.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(FastestInTurns, AMachineThatIsSlowAtFirstDoesNotDecide) {
  const std::vector<double> times{10, 11, 10.5};
  double slowness = 1.9;  // factor on each measurement, which falls to 1
  const Fastest fastest = fastest_in_turns(times.size(), 5, [&](std::size_t i) {
    const double time = times[i] * slowness;
    slowness = std::max(1.0, slowness - 0.3);
    return time;
  });
  EXPECT_EQ(fastest.contender, 0u);
  EXPECT_EQ(fastest.time, 10);
}

TEST(FastestInTurns, WhoIsTwiceAsSlowIsMeasuredOnce) {
  const std::vector<double> times{30, 10, 19, 21};
  std::vector<int> measured(times.size(), 0);
  const Fastest fastest = fastest_in_turns(times.size(), 5, [&](std::size_t i) {
    ++measured[i];
    return times[i];
  });
  EXPECT_EQ(fastest.contender, 1u);
  EXPECT_EQ(measured, (std::vector<int>{1, 5, 5, 1}));
}

TEST(FastestInTurns, OfEqualOnesTheFirstWins) {
  EXPECT_EQ(fastest_in_turns(3, 2, [](std::size_t i) { return i == 0 ? 2.0 : 1.0; }).contender, 1u);
  EXPECT_EQ(fastest_in_turns(1, 1, [](std::size_t) { return 0.0; }).contender, 0u);
}

}  // namespace
}  // namespace thalweg

#include "landscape/batching.h"

#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

TEST(Batching, IsHalvedPointsFirst) {
  EXPECT_EQ(halved({1024, 4}), (Batching{1024, 2}));
  EXPECT_EQ(halved({1024, 3}), (Batching{1024, 1}));
  EXPECT_EQ(halved({1024, 1}), (Batching{512, 1}));
  EXPECT_EQ(halved({33, 1}), (Batching{16, 1}));
  EXPECT_FALSE(halved({31, 1}).has_value());
}

// A device with room for `room` images at once.
struct Device {
  std::int64_t room;
  std::vector<Batching> tried = {};
  int released = 0;

  void run(Batching& batching) {
    run_within_memory(
        batching,
        [&](const Batching& b) {
          tried.push_back(b);
          if (b.chunk * b.lanes > room) throw std::bad_alloc();
        },
        [&] { ++released; });
  }
};

TEST(Batching, ShrinksUntilItFitsAndStaysThere) {
  Device device{300};
  Batching batching{1024, 2};
  device.run(batching);
  EXPECT_EQ(batching, (Batching{256, 1}));
  EXPECT_EQ(device.tried, (std::vector<Batching>{{1024, 2}, {1024, 1}, {512, 1}, {256, 1}}));
  EXPECT_EQ(device.released, 3);
  device.run(batching);
  EXPECT_EQ(device.tried.size(), 5u);
}

TEST(Batching, ThatFitsNowhereIsAnErrorThatSaysHowFarItWent) {
  Device device{10};
  Batching batching{64, 1};
  expect_error([&] { device.run(batching); }, "out of memory with 16 images of one point at a time");
}

TEST(Batching, LeavesOtherErrorsAlone) {
  Batching batching{64, 2};
  int attempts = 0;
  const auto attempt = [&](const Batching&) {
    ++attempts;
    throw std::runtime_error("CUDA error: unspecified launch failure");
  };
  EXPECT_THROW(run_within_memory(batching, attempt, [] { FAIL() << "nothing is to be released"; }), std::runtime_error);
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(batching, (Batching{64, 2}));
}

TEST(FastestBatching, TakesTheFastestChunkThenTheFastestLanes) {
  std::vector<Batching> tried;
  const auto seconds = [&](const Batching& b) {
    tried.push_back(b);
    return (b.chunk == 1024 ? 1.0 : 2.0) + (b.lanes == 4 ? 0.0 : 0.5);
  };
  EXPECT_EQ(fastest_batching({512, 1024, 2048}, {2, 1, 4}, seconds), (Batching{1024, 4}));
  EXPECT_EQ(tried, (std::vector<Batching>{{512, 2}, {1024, 2}, {2048, 2}, {1024, 1}, {1024, 4}}));
}

TEST(FastestBatching, PassesOverWhatDoesNotFit) {
  const auto seconds = [](const Batching& b) -> double {
    if (b.chunk * b.lanes > 1024) throw std::bad_alloc();
    return b.lanes == 1 ? 1 : 2;
  };
  EXPECT_EQ(fastest_batching({512, 1024, 2048}, {2, 1, 4}, seconds), (Batching{512, 1}));
  expect_error([&] { fastest_batching({2048, 4096}, {2}, seconds); }, "out of memory with 4096 images");
}

}  // namespace
}  // namespace thalweg

#include "nn/images.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(Chunks, EvenOnesLeaveNoSmallRest) {
  for (const std::int64_t n : {1, 124, 125, 126, 127, 250, 256, 1001, 49'876}) {
    const std::vector<std::int64_t> ends = even_chunks(n, 125);
    ASSERT_EQ(ends.size(), fixed_chunks(n, 125).size());
    ASSERT_EQ(ends.back(), n);
    const std::int64_t smallest = n / static_cast<std::int64_t>(ends.size());
    std::int64_t begin = 0;
    for (const std::int64_t end : ends) {
      EXPECT_LE(end - begin, 125);
      EXPECT_GE(end - begin, smallest);
      EXPECT_LE(end - begin, smallest + 1);
      begin = end;
    }
  }
}

TEST(Chunks, FixedOnesHaveTheirSize) {
  EXPECT_EQ(fixed_chunks(256, 125), (std::vector<std::int64_t>{125, 250, 256}));
  EXPECT_EQ(fixed_chunks(250, 125), (std::vector<std::int64_t>{125, 250}));
  EXPECT_EQ(fixed_chunks(3, 125), (std::vector<std::int64_t>{3}));
}

}  // namespace
}  // namespace thalweg

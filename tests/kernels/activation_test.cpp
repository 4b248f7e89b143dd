#include "kernels/activation.h"

#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include <c10/util/Half.h>

namespace thalweg {
namespace {

std::uint16_t rounded(float x) {
  Float16 half{};
  store(half, x);
  return half.bits;
}

bool is_nan(std::uint16_t bits) {
  return (bits & 0x7FFF) > 0x7C00;
}

// Compares with c10's conversions, for every float16, the midpoint to the next one, and the floats next to either.
TEST(Float16, ConvertsAsLibTorchDoes) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half), expected = static_cast<float>(c10::Half(half.bits, c10::Half::from_bits()));
    if (is_nan(half.bits)) {
      EXPECT_TRUE(std::isnan(wide));
      EXPECT_TRUE(is_nan(rounded(wide)));
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide), std::bit_cast<std::uint32_t>(expected)) << bits;
    ASSERT_EQ(rounded(wide), half.bits);
    const float next = to_float(Float16{static_cast<std::uint16_t>(bits + 1)});
    if (!std::isfinite(wide) || !std::isfinite(next)) continue;
    const float middle = wide + (next - wide) / 2;
    for (const float x : {middle, std::nextafter(middle, wide), std::nextafter(middle, next)})
      ASSERT_EQ(rounded(x), c10::Half(x).x) << x;
  }
  EXPECT_EQ(rounded(65519.996f), 0x7BFF);
  EXPECT_EQ(rounded(65520.0f), 0x7C00);
  EXPECT_EQ(rounded(-1e30f), 0xFC00);
}

}  // namespace
}  // namespace thalweg

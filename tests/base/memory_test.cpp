#include "base/memory.h"

#include <cstddef>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

namespace thalweg {
namespace {

TEST(OutOfMemory, IsToldFromOtherErrors) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  EXPECT_TRUE(is_out_of_memory(c10::OutOfMemoryError({}, "CUDA out of memory")));
  EXPECT_TRUE(is_out_of_memory(std::runtime_error("CUDA error: out of memory")));
  EXPECT_TRUE(is_out_of_memory(std::runtime_error("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")));
  EXPECT_TRUE(is_out_of_memory(
      std::runtime_error("cuDNN failed to run: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("CUDNN_STATUS_EXECUTION_FAILED")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("CUDA error: unspecified launch failure")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("anything else")));
  try {
    at::empty({std::int64_t{1} << 46}, at::kFloat);  // more than the address space
    FAIL() << "256 TB were allocated";
  } catch (const std::exception& error) {
    EXPECT_TRUE(is_out_of_memory(error)) << error.what();
  }
}

class FreeMemory : public testing::TestWithParam<int> {};

TEST_P(FreeMemory, IsWhatTheProcessMayStillAllocate) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own memory exceeds any limit";
#endif
  if (free_memory(at::kCPU) < 4e9) GTEST_SKIP() << "less than 4 GB are free";
  rlimit before = {}, tight = {};
  ASSERT_EQ(getrlimit(GetParam(), &before), 0);
  // The limit lies this far above what is used.
  const auto with_room = [&](double room) {
    std::ifstream status("/proc/self/status");
    double used = 0;
    for (std::string word; status >> word;) {
      if (word == (GetParam() == RLIMIT_DATA ? "VmData:" : "VmSize:")) status >> used;
    }
    tight = {static_cast<rlim_t>(used * 1024 + room), before.rlim_max};
    EXPECT_EQ(setrlimit(GetParam(), &tight), 0);
    const double free = free_memory(at::kCPU);
    setrlimit(GetParam(), &before);
    return free;
  };
  // Memory that the C library holds comes on top, the same each time.
  const double least = with_room(1e8);
  EXPECT_GE(least, 0.8e8);
  EXPECT_NEAR(with_room(1e9) - least, 9e8, 2e7);
  EXPECT_NEAR(with_room(3e8) - least, 2e8, 2e7);
}

INSTANTIATE_TEST_SUITE_P(Limits, FreeMemory, testing::Values(RLIMIT_DATA, RLIMIT_AS));

// Reads "VmHWM: 123456 kB" (see proc(5)); a kB there is 1024 bytes.
double peak_by_proc() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

TEST(PeakMemory, IsInUnitsOfAMillionBytes) {
  constexpr std::size_t kBytes = 300'000'000;
  const std::vector<char> touched(kBytes, 'x');
  EXPECT_GE(peak_memory_mb(at::kCPU), 300);
  const double expected = peak_by_proc() / 1e6;
  if (expected == 0) GTEST_SKIP() << "the system does not tell";
  EXPECT_NEAR(peak_memory_mb(at::kCPU), expected, 0.005 * expected);
}

}  // namespace
}  // namespace thalweg

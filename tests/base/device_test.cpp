#include "base/device.h"

#include <gtest/gtest.h>

#include <ATen/Parallel.h>
#include <c10/cuda/CUDAFunctions.h>

#include "expect_error.h"

namespace thalweg {
namespace {

TEST(Device, AutoIsTheFirstGpuOrElseTheCpu) {
  EXPECT_EQ(parse_device("cpu"), c10::Device(c10::kCPU));
  const bool has_gpu = c10::cuda::device_count() > 0;
  EXPECT_EQ(parse_device("auto"), has_gpu ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU));
}

TEST(Device, RefusesAGpuThatIsNotThere) {
  expect_error([] { parse_device("cuda:127"); }, "device \"cuda:127\": ");
  if (c10::cuda::device_count() == 0) expect_error([] { parse_device("cuda"); }, "no GPU is available");
}

TEST(Device, RefusesOtherNamesAsUsageErrors) {
  for (const char* name :
       {"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:128", "cuda:99999999999"}) {
    expect_usage_error([&] { parse_device(name); }, "expected \"auto\", \"cpu\", \"cuda\" or \"cuda:N\"");
  }
}

TEST(Device, DescribesTheProcessorOnOneLine) {
  const std::string name = device_description(c10::kCPU);
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find('\n'), std::string::npos);
}

TEST(Device, DescribesTheGpu) {
  if (c10::cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  EXPECT_FALSE(device_description(parse_device("cuda")).empty());
  EXPECT_EQ(device_description(c10::Device(c10::kCUDA)), device_description(parse_device("cuda:0")));
}

TEST(Threads, ZeroKeepsTheNumber) {
  const int before = at::get_num_threads();
  set_num_threads(0);
  EXPECT_EQ(at::get_num_threads(), before);
  set_num_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_num_threads(before);
  expect_usage_error([] { set_num_threads(-1); }, "at least 0, got -1");
}

}  // namespace
}  // namespace thalweg

#include "base/memory.h"

#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

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
    at::empty({std::int64_t{1} << 46}, at::kFloat);  // more than an address space holds
    FAIL() << "256 TB were allocated";
  } catch (const std::exception& error) {
    EXPECT_TRUE(is_out_of_memory(error)) << error.what();
  }
}

}  // namespace
}  // namespace thalweg

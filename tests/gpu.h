// Support for tests that need a GPU and are skipped without one.
#pragma once

#include <gtest/gtest.h>

#include <ATen/Context.h>

#include "base/stream.h"

namespace thalweg {

inline const c10::Device kGpu(c10::kCUDA, 0);

// Must come first in a test; skips the test if there is no GPU (only a macro can end it). Otherwise sets up the GPU as
// the program does, without TF32 for float32.
#define THALWEG_NEED_GPU()                                      \
  if (!at::hasCUDA()) GTEST_SKIP() << "no GPU on this machine"; \
  use_device(kGpu)

class GpuTest : public testing::Test {
 protected:
  void SetUp() override { THALWEG_NEED_GPU(); }
};

}  // namespace thalweg

// Tests that need a GPU, and are skipped where there is none.
#pragma once

#include <gtest/gtest.h>

#include <ATen/Context.h>

#include "base/stream.h"

namespace thalweg {

inline const c10::Device kGpu(c10::kCUDA, 0);

// First in the test, which it ends where no GPU is: only a macro can. The GPU then is as the program makes it ready:
// float32 there is not TF32.
#define THALWEG_NEED_GPU()                                      \
  if (!at::hasCUDA()) GTEST_SKIP() << "no GPU on this machine"; \
  use_device(kGpu)

class GpuTest : public testing::Test {
 protected:
  void SetUp() override { THALWEG_NEED_GPU(); }
};

}  // namespace thalweg

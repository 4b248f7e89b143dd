#include "kernels/step_control.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(StepControl, IsWrittenWhole) {
  StepControl control;
  set_control_cuda(&control, {7, 3, 0.5f, 0.25f, 0.125f, 0.75f}, nullptr);
  EXPECT_EQ(control.position, 7);
  EXPECT_EQ(control.epoch, 3u);
  EXPECT_EQ(control.lr, 0.5f);
  EXPECT_EQ(control.mix, 0.25f);
  EXPECT_EQ(control.first_correction, 0.125f);
  EXPECT_EQ(control.second_correction, 0.75f);
}

}  // namespace
}  // namespace thalweg

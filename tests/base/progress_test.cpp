#include "base/progress.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(FormatDuration, UsesTheLargestUnitNeeded) {
  EXPECT_EQ(format_duration(12.4), "12s");
  EXPECT_EQ(format_duration(245), "4:05");
  EXPECT_EQ(format_duration(3723), "1:02:03");
  EXPECT_EQ(format_duration(-1), "?");
}

TEST(Progress, WritesPlainLinesWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress("train", "img", 200, 100, ProgressMode::kLines, file);
    progress.update(150, "loss 1.0");  // too soon for a line
    progress.finish("loss 0.5");
  }
  std::rewind(file);
  char line[256] = {};
  ASSERT_NE(std::fgets(line, sizeof line, file), nullptr);
  EXPECT_NE(std::string(line).find("loss 0.5"), std::string::npos);
  EXPECT_EQ(std::string(line).find('\r'), std::string::npos);
  EXPECT_EQ(std::fgets(line, sizeof line, file), nullptr);
  std::fclose(file);
}

}  // namespace
}  // namespace thalweg

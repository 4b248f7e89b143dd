#include "base/progress.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

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

// Returns what a bar of `columns` columns draws. Uses a pseudo-terminal, since a file has no width.
std::string drawn(int columns) {
  int master = -1, slave = -1;
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  if (openpty(&master, &slave, nullptr, nullptr, &size) != 0) return "no terminal";
  std::FILE* file = fdopen(slave, "w");
  {
    Progress progress("train seed 1 decay-at-16", "img", 200, 100, ProgressMode::kBar, file);
    progress.finish("epoch 12.35/20  loss 0.6480  lr 0.1");
  }
  std::fclose(file);
  std::string text;
  char part[512];
  for (ssize_t got = 0; (got = read(master, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(got));
  close(master);
  return text;
}

TEST(Progress, DrawsNoLineThatWraps) {
  if (drawn(100) == "no terminal") GTEST_SKIP() << "no pseudo-terminals here";
  constexpr std::string_view kStart = "\r\033[K", kEnd = "\r\n";
  for (const int columns : {200, 120, 100, 80, 40, 10}) {
    const std::string text = drawn(columns);
    ASSERT_TRUE(text.starts_with(kStart) && text.ends_with(kEnd)) << text;
    EXPECT_LT(text.size() - kStart.size() - kEnd.size(), static_cast<std::size_t>(columns)) << text;
    EXPECT_EQ(text.find('[', kStart.size()) != text.npos, columns >= 100) << text;
    EXPECT_EQ(text.find("lr 0.1") != text.npos, columns >= 80) << text;
  }
}

}  // namespace
}  // namespace thalweg

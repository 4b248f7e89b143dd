// Progress of a long task on stderr: one line redrawn on a terminal, a plain line every few seconds elsewhere.
// Results never go through here (they belong on stdout).
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "base/clock.h"

namespace thalweg {

enum class ProgressMode { kAuto, kBar, kLines, kQuiet };

class Progress {
 public:
  // `unit` names what is counted ("img" -> "img/s"). `total` is the amount of work in that unit, `done` the amount that
  // earlier runs have already finished (excluded from the rate).
  Progress(std::string title, std::string unit, double total, double done = 0, ProgressMode mode = ProgressMode::kAuto,
           std::FILE* stream = stderr);
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` counts from the start of the task, earlier runs included; `detail` is free text (loss, rate). Cheap: redraws
  // at most ten times a second on a terminal and once every ten seconds elsewhere.
  void update(double done, const std::string& detail = "");
  // Draws the final state, regardless of when the line was last drawn.
  void finish(const std::string& detail = "");

 private:
  void draw(bool last);
  void write(const std::string& text);

  std::string title_;
  std::string unit_;
  double total_;
  double first_;        // amount done by earlier runs
  double done_;         // amount done now
  std::string detail_;  // the latest detail
  ProgressMode mode_;   // resolved: never kAuto
  std::FILE* stream_;   // not owned
  Clock::time_point start_;
  Clock::time_point last_draw_;
  bool finished_ = false;
};

// Formats a duration as "1:02:03", "4:05" or "12s".
std::string format_duration(double seconds);

}  // namespace thalweg

// The three standard streams, as a program that works for hours must treat them.
#pragma once

#include <string>

namespace thalweg {

// Those that are closed become /dev/null: a file that is opened later would get their numbers, and what is printed.
// Called once by `main`, before anything opens a file.
void open_standard_streams();
// A line on stderr. One that cannot be written (its terminal is gone, its disk is full) is lost, and the work goes on.
void say(const std::string& line);
// Throws Error where results that were printed did not get to stdout.
void flush_results();

}  // namespace thalweg

// Robust use of the three standard streams in a program that runs for hours.
#pragma once

#include <string>

namespace thalweg {

// Opens /dev/null for every standard stream that is closed: a file opened later would otherwise get its descriptor, and
// receive what is printed. Called once by `main`, before anything opens a file.
void open_standard_streams();
// Prints a line to stderr. A line that cannot be written (the terminal is gone, the disk is full) is dropped silently.
void say(const std::string& line);
// Flushes stdout. Throws Error if any of the printed results could not be written.
void flush_results();

}  // namespace thalweg

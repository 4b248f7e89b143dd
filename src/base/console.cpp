#include "base/console.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

namespace thalweg {

void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) == -1) return;  // takes the lowest free number
  }
}

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stderr);
}

void flush_results() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    fail("cannot write the results to stdout: {}", std::strerror(errno));
}

}  // namespace thalweg

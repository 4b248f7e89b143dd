// Error handling: libraries throw, `main` catches once and prints. A message states what was expected, what was found,
// and what to do about it.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace thalweg {

// Exit codes of the program; docs/cli.md lists them for schedulers.
enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,     // the work could not be done
  kUsage = 2,       // the command line or the configuration is wrong
  kResumable = 75,  // stopped by a signal with everything saved: run the same command again (EX_TEMPFAIL)
};

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::kFailure)
      : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// For errors in the user's input: flags, configuration keys.
template <typename... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), ExitCode::kUsage);
}

template <typename... Args>
void check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) fail(format, std::forward<Args>(args)...);
}

// Returns what `work` returns. If `work` throws an Error, appends `advice` to its message.
template <typename Work>
auto with_advice(const std::string& advice, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(fmt::format("{}; {}", error.what(), advice), error.code());
  }
}

// The first non-empty line of a message: LibTorch appends a C++ backtrace to its messages, and some start with an empty
// line.
inline std::string first_line(const std::string& message) {
  const std::size_t begin = message.find_first_not_of("\n ");
  if (begin == std::string::npos) return "an error without a message";
  return message.substr(begin, message.find('\n', begin) - begin);
}

}  // namespace thalweg

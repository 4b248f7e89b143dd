// SIGTERM, SIGINT and SIGHUP ask for a stop: loops look at `stop_requested()` between steps, save, and throw `Stopped`.
// A second SIGINT, or a second SIGTERM, ends the program at once (the default action is restored after the first).
// SIGHUP may come any number of times.
#pragma once

#include <string>

#include "base/error.h"

namespace thalweg {

// Installs the handlers; called once by `main`. Signals are process-wide, hence the one global behind these functions.
void install_stop_handlers();
bool stop_requested();
// For tests.
void request_stop(bool on = true);

// Everything computed so far is on disk; the same command goes on from there.
class Stopped : public Error {
 public:
  explicit Stopped(const std::string& message) : Error(message, ExitCode::kResumable) {}
};

}  // namespace thalweg

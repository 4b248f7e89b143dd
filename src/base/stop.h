// SIGTERM, SIGINT and SIGHUP request a stop: loops poll `stop_requested()` between steps, save, and throw `Stopped`. A
// second SIGINT or a second SIGTERM ends the program at once (the default action is restored after the first). SIGHUP
// may arrive any number of times.
#pragma once

#include <string>

#include "base/error.h"

namespace thalweg {

// Installs the handlers; called once by `main`. Signals are process-wide, hence the single global flag behind these
// functions.
void install_stop_handlers();
bool stop_requested();
// Sets or clears the request; for tests.
void request_stop(bool on = true);

// Thrown after a requested stop. Everything computed so far is on disk, and the same command resumes from there.
class Stopped : public Error {
 public:
  explicit Stopped(const std::string& message) : Error(message, ExitCode::kResumable) {}
};

}  // namespace thalweg

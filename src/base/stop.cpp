#include "base/stop.h"

#include <csignal>

namespace thalweg {
namespace {

volatile std::sig_atomic_t g_stop = 0;

extern "C" void on_stop_signal(int) {
  g_stop = 1;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before = {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) {  // nohup asks to go on
    action.sa_flags = 0;               // a terminal that is closed sends it twice: by its shell, and by its end
    sigaction(SIGHUP, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of the write, and stderr's are let pass
}

bool stop_requested() {
  return g_stop != 0;
}
void request_stop(bool on) {
  g_stop = on ? 1 : 0;
}

}  // namespace thalweg

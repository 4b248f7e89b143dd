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
  if (before.sa_handler != SIG_IGN) {  // nohup sets SIG_IGN to keep the program running
    action.sa_flags = 0;               // closing a terminal sends SIGHUP twice: from the shell and from the kernel
    sigaction(SIGHUP, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);  // a vanished reader shows as a write error; those on stderr are ignored
}

bool stop_requested() {
  return g_stop != 0;
}
void request_stop(bool on) {
  g_stop = on ? 1 : 0;
}

}  // namespace thalweg

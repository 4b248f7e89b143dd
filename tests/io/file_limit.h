// Limits the size of files during its lifetime: writes beyond it fail as on a full disk (with EFBIG instead of ENOSPC).
#pragma once

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace thalweg {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    action_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now = {bytes, before_.rlim_max};
    if (setrlimit(RLIMIT_FSIZE, &now) != 0) ADD_FAILURE() << "no RLIMIT_FSIZE";
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, action_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_ = {};
  void (*action_)(int) = nullptr;
};

}  // namespace thalweg

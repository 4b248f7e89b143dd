// Downloads one file over HTTP(S); an interrupted download can be resumed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/progress.h"

namespace thalweg {

struct DownloadRequest {
  std::string url;    // http, https or file; redirects stay within http and https
  std::string title;  // for the progress line
  ProgressMode progress = ProgressMode::kAuto;
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{60};
  std::int64_t max_bytes = 1ll << 30;
};

// Appends to `file` what the server has beyond the file's present size. Starts over if the server does not support
// ranges, and leaves the file unchanged if the server reports nothing beyond it. Throws Error naming the address and
// the reason (the HTTP status, a time-out, a full disk), and Stopped if a stop was requested; `file` then keeps what
// was received so far.
void download(const DownloadRequest& request, const std::filesystem::path& file);

}  // namespace thalweg

// One file over HTTP(S), resumable.
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

// Appends to `file` what the server holds beyond the file's present size; from a server that cannot do so it starts
// over, and one that says there is nothing beyond leaves the file as it is. Throws Error that names the address and the
// reason (the HTTP status, a time-out, a full disk), and Stopped when a stop was asked for; what has come so far stays
// in `file` then.
void download(const DownloadRequest& request, const std::filesystem::path& file);

}  // namespace thalweg

#include "data/download.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <curl/curl.h>

#include "base/error.h"
#include "base/stop.h"
#include "thalweg/version.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr long kStallBytesPerSecond = 1000;

// libcurl must be initialised once per process, before its first use.
void set_up_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(result == CURLE_OK, "libcurl cannot be initialised: {}", curl_easy_strerror(result));
}

// State shared by the callbacks of one transfer.
struct Transfer {
  std::FILE* file;           // not owned
  std::int64_t first;        // bytes in the file before the transfer
  std::int64_t max_bytes;    // of the whole file
  std::int64_t written = 0;  // by this transfer
  int write_error = 0;       // errno of a failed write
  bool too_large = false;
  const DownloadRequest* request;
  std::optional<Progress> progress;  // once the size is known
};

std::size_t on_data(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.first + transfer.written + static_cast<std::int64_t>(bytes) > transfer.max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  if (std::fwrite(data, 1, bytes, transfer.file) != bytes) {
    transfer.write_error = errno;
    return 0;
  }
  transfer.written += static_cast<std::int64_t>(bytes);
  return bytes;
}

// Called about once a second even if no data arrives, so a stop request is always noticed.
int on_progress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  if (stop_requested()) return 1;
  auto& transfer = *static_cast<Transfer*>(user);
  if (total <= 0 || transfer.written == 0) return 0;
  const auto whole = static_cast<double>(transfer.first + total) / 1e6;
  const auto first = static_cast<double>(transfer.first) / 1e6;
  if (!transfer.progress) {
    transfer.progress.emplace(transfer.request->title, "MB", whole, first, transfer.request->progress);
  }
  transfer.progress->update(first + static_cast<double>(done) / 1e6, fmt::format("of {:.0f} MB", whole));
  return 0;
}

void limit_protocols(CURL* curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else  // libcurl before 7.85, as on Ubuntu 22.04
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FILE));
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

void set_options(CURL* curl, const DownloadRequest& request, Transfer& transfer, char* error) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  limit_protocols(curl);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, fmt::format("thalweg/{}", kVersion).c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.first));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
}

[[noreturn]] void fail_transfer(const DownloadRequest& request, const Transfer& transfer, const fs::path& file,
                                CURLcode result, long status, const char* error) {
  if (result == CURLE_ABORTED_BY_CALLBACK) {
    throw Stopped(fmt::format("stopped while downloading {}; the same command continues from here", request.url));
  }
  if (transfer.too_large) {
    fail("{}: the file is larger than {} bytes, so it is not the expected one", request.url, transfer.max_bytes);
  }
  if (transfer.write_error != 0) {
    fail("cannot write {}: {}", file.string(), std::strerror(transfer.write_error));
  }
  if (result == CURLE_HTTP_RETURNED_ERROR) fail("{}: the server answered with HTTP status {}", request.url, status);
  const char* kept =
      transfer.written > 0 ? "; the part received so far is kept, and the same command continues from there" : "";
  fail("{}: {}{}", request.url, error[0] != '\0' ? error : curl_easy_strerror(result), kept);
}

enum class Outcome { kDone, kStartOver };

Outcome transfer_once(const DownloadRequest& request, const fs::path& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "ab"), &std::fclose);
  check(stream != nullptr, "cannot write {}: {}", file.string(), std::strerror(errno));
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), &curl_easy_cleanup);
  check(curl != nullptr, "libcurl cannot create a handle");
  Transfer transfer{.file = stream.get(),
                    .first = static_cast<std::int64_t>(fs::file_size(file)),
                    .max_bytes = request.max_bytes,
                    .request = &request,
                    .progress = {}};
  char error[CURL_ERROR_SIZE] = "";
  set_options(curl.get(), request, transfer, error);
  CURLcode result = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  const bool unresumable = result == CURLE_RANGE_ERROR || result == CURLE_BAD_DOWNLOAD_RESUME;
  if (transfer.first > 0 && unresumable) return Outcome::kStartOver;
  if (result == CURLE_OK && std::fflush(stream.get()) != 0) {
    transfer.write_error = errno;
    result = CURLE_WRITE_ERROR;
  }
  if (result != CURLE_OK) fail_transfer(request, transfer, file, result, status, error);
  if (transfer.progress) transfer.progress->finish();
  return Outcome::kDone;
}

}  // namespace

void download(const DownloadRequest& request, const fs::path& file) {
  set_up_curl();
  if (transfer_once(request, file) == Outcome::kDone) return;
  fs::resize_file(file, 0);
  transfer_once(request, file);
}

}  // namespace thalweg

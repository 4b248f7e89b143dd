#include "train/metrics.h"

#include <cerrno>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "io/atomic_file.h"

namespace thalweg {

MetricsLog::MetricsLog(const std::filesystem::path& file, std::int64_t keep_bytes) : path_(file), bytes_(keep_bytes) {
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  check(fd_ >= 0, "cannot write {}: {}", path_.string(), std::strerror(errno));
  const off_t length = lseek(fd_, 0, SEEK_END);
  if (length < keep_bytes || ftruncate(fd_, keep_bytes) != 0 || lseek(fd_, keep_bytes, SEEK_SET) != keep_bytes) {
    close(fd_);
    fail("{} holds {} bytes, the checkpoint beside it vouches for {}: it was changed from outside", path_.string(),
         length, keep_bytes);
  }
}

MetricsLog::~MetricsLog() {
  close(fd_);
}

void MetricsLog::append(const nlohmann::json& line) {
  const std::string text = line.dump() + "\n";
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = write(fd_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    check(written > 0, "cannot write {}: {}", path_.string(), std::strerror(errno));
    done += static_cast<std::size_t>(written);
  }
  bytes_ += static_cast<std::int64_t>(text.size());
}

std::int64_t MetricsLog::sync() {
  check(fdatasync(fd_) == 0, "cannot write {}: {}", path_.string(), std::strerror(errno));
  return bytes_;
}

std::vector<nlohmann::json> read_metric_lines(const std::filesystem::path& file) {
  std::istringstream text(read_file(file));
  std::vector<nlohmann::json> lines;
  std::int64_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    nlohmann::json value = nlohmann::json::parse(line, nullptr, false);
    check(value.is_object() && value.contains("kind"), "{}: line {} is damaged", file.string(), number);
    if (value.at("kind") != "step") lines.push_back(std::move(value));
  }
  return lines;
}

}  // namespace thalweg

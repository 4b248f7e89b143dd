#include "train/metrics.h"

#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "io/atomic_file.h"

namespace thalweg {

MetricsLog::MetricsLog(const std::filesystem::path& file, std::int64_t keep_bytes)
    : path_(file), file_(open_or_fail(file, O_WRONLY | O_CREAT, "write")), bytes_(keep_bytes) {
  const std::size_t length = file_size_of(file_.get(), path_);
  check(length >= static_cast<std::size_t>(keep_bytes),
        "{} holds {} bytes, but held {} when the last checkpoint was written: another program changed it",
        path_.string(), length, keep_bytes);
  if (ftruncate(file_.get(), keep_bytes) != 0) fail_with_errno("shorten", path_);
  if (lseek(file_.get(), keep_bytes, SEEK_SET) < 0) fail_with_errno("write", path_);
}

void MetricsLog::append(const nlohmann::json& line) {
  const std::string text = line.dump() + "\n";
  write_all(file_.get(), text.data(), text.size(), path_);
  bytes_ += static_cast<std::int64_t>(text.size());
}

std::int64_t MetricsLog::sync() {
  sync_file(file_.get(), path_);
  return bytes_;
}

std::vector<nlohmann::json> read_metric_lines(const std::filesystem::path& file, MetricsEnd end) {
  std::istringstream text(read_file(file));
  std::vector<nlohmann::json> lines;
  std::int64_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    nlohmann::json value = nlohmann::json::parse(line, nullptr, false);
    const bool has_newline = !text.eof();
    if (end == MetricsEnd::kMayBeTorn && !has_newline && value.is_discarded()) break;
    check(value.is_object() && value.contains("kind"), "{}: line {} is damaged", file.string(), number);
    if (value.at("kind") != "step") lines.push_back(std::move(value));
  }
  return lines;
}

}  // namespace thalweg

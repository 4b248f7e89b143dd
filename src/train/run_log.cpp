#include "train/run_log.h"

#include <ctime>

#include <fcntl.h>
#include <fmt/chrono.h>

namespace thalweg {

RunLog::RunLog(const std::filesystem::path& file)
    : path_(file), file_(open_or_fail(file, O_WRONLY | O_CREAT | O_APPEND, "write")) {}

void RunLog::write(std::string_view text) {
  const std::string line = fmt::format("{:%Y-%m-%d %H:%M:%S}Z  {}\n", fmt::gmtime(std::time(nullptr)), text);
  write_all(file_.get(), line.data(), line.size(), path_);
}

}  // namespace thalweg

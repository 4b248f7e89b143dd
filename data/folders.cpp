#include "data/folders.h"

#include <cstdlib>

namespace thalweg {

namespace fs = std::filesystem;

fs::path user_data_folder() {
  // The XDG Base Directory Specification requires that a relative path be ignored.
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && fs::path(data_home).is_absolute()) return fs::path(data_home) / "thalweg";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return fs::path(home) / ".local" / "share" / "thalweg";
  return {};
}

std::vector<fs::path> data_folders(const std::string& configured) {
  // Falling back from a folder named in the configuration to another one would hide a mistake.
  if (!configured.empty()) return {configured};
  std::vector<fs::path> folders;
  const char* variable = std::getenv("THALWEG_DATA");
  if (variable != nullptr && *variable != '\0') folders.emplace_back(variable);
  const fs::path user = user_data_folder();
  if (!user.empty()) folders.push_back(user);
  return folders;
}

}  // namespace thalweg

#include "io/cache_folder.h"

#include <cstdlib>

namespace thalweg {
namespace {

std::filesystem::path folder_in(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

}  // namespace

std::filesystem::path cache_folder() {
  if (const auto own = folder_in("THALWEG_CACHE"); !own.empty()) return own;
  if (const auto caches = folder_in("XDG_CACHE_HOME"); !caches.empty()) return caches / "thalweg";
  if (const auto home = folder_in("HOME"); !home.empty()) return home / ".cache" / "thalweg";
  return {};
}

}  // namespace thalweg

#include "trajectory/run_name.h"

#include <algorithm>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr std::string_view kBetween = ", seed ";

}  // namespace

std::string name_with_seed(const std::string& run, std::uint64_t seed) {
  return fmt::format("{}{}{}", run, kBetween, seed);
}

RunName split_run_name(const std::string& name) {
  const std::size_t at = name.find(kBetween);
  if (at == std::string::npos) return {name, ""};
  return {name.substr(0, at), name.substr(at + kBetween.size())};
}

std::vector<std::filesystem::path> seed_folders(const std::filesystem::path& experiment) {
  std::vector<std::filesystem::path> folders;
  if (!std::filesystem::is_directory(experiment / "seeds")) return folders;
  for (const auto& entry : std::filesystem::directory_iterator(experiment / "seeds")) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end(), [](const std::filesystem::path& a, const std::filesystem::path& b) {
    const std::string x = a.filename().string(), y = b.filename().string();
    return std::pair(x.size(), x) < std::pair(y.size(), y);  // 2 before 10
  });
  return folders;
}

}  // namespace thalweg

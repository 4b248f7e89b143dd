#include "trajectory/folders.h"

#include "base/error.h"
#include "io/strict_json.h"

namespace thalweg {

std::vector<std::filesystem::path> seed_folders(const std::filesystem::path& experiment) {
  const ExperimentFolder folder{experiment};
  if (!std::filesystem::is_directory(folder.seeds()) || !std::filesystem::exists(folder.config())) return {};
  const nlohmann::json config = read_json_file(folder.config(), ExitCode::kFailure);
  check(config.is_object(), "{} is not a JSON object", folder.config().string());
  std::vector<std::filesystem::path> folders;
  for (const nlohmann::json& seed : config.value("seeds", nlohmann::json::array())) {
    const std::filesystem::path of_seed = folder.seeds() / seed.dump();
    if (std::filesystem::is_directory(of_seed)) folders.push_back(of_seed);
  }
  return folders;
}

}  // namespace thalweg

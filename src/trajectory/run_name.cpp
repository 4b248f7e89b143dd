#include "trajectory/run_name.h"

#include "base/error.h"
#include "io/strict_json.h"

namespace thalweg {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBetween = ", seed ";
constexpr std::string_view kAverage = "-average";

}  // namespace

std::string average_name(const std::string& run) {
  return run + std::string(kAverage);
}

std::string name_with_seed(const std::string& run, std::uint64_t seed) {
  return fmt::format("{}{}{}", run, kBetween, seed);
}

RunName split_run_name(const std::string& name) {
  const std::size_t at = name.find(kBetween);
  RunName out{name.substr(0, at), at == std::string::npos ? "" : name.substr(at + kBetween.size())};
  out.is_average = out.run.ends_with(kAverage);
  if (out.is_average) out.run.resize(out.run.size() - kAverage.size());
  return out;
}

std::vector<fs::path> seed_folders(const fs::path& experiment) {
  const fs::path file = experiment / "config.json";
  if (!fs::is_directory(experiment / "seeds") || !fs::exists(file)) return {};
  const nlohmann::json config = read_json_file(file, ExitCode::kFailure);
  check(config.is_object(), "{} is no JSON object", file.string());
  std::vector<fs::path> folders;
  for (const nlohmann::json& seed : config.value("seeds", nlohmann::json::array())) {
    if (fs::path folder = experiment / "seeds" / seed.dump(); fs::is_directory(folder)) folders.push_back(folder);
  }
  return folders;
}

}  // namespace thalweg

#include "trajectory/run_name.h"

#include <string_view>

#include <fmt/format.h>

namespace thalweg {

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

}  // namespace thalweg

#include "nn/conv_manifest.h"

#include <algorithm>
#include <vector>

#include <fmt/ranges.h>

#include "io/atomic_file.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "thalweg-conv-plans-1";

json to_json(const std::pair<ConvShape, ConvPass>& key, const ConvChoice& choice) {
  const auto& [x, pass] = key;
  return {{"pass", kConvPassNames[static_cast<std::size_t>(pass)]},
          {"type", kActivationTypeNames[static_cast<std::size_t>(x.type)]},
          {"image", {x.n, x.c, x.h, x.w}},
          {"filter", {x.k, x.c, x.r, x.s}},
          {"stride", x.stride},
          {"padding", x.padding},
          {"plan", choice.plan},
          {"microseconds", choice.microseconds}};
}

template <typename Enum, std::size_t kCount>
Enum named(const json& value, const std::array<const char*, kCount>& names) {
  const std::string name = value.get<std::string>();
  const auto found = std::find(names.begin(), names.end(), name);
  check(found != names.end(), "\"{}\" is not one of {}", name, fmt::join(names, ", "));
  return static_cast<Enum>(found - names.begin());
}

std::array<std::int64_t, 4> four_sizes(const json& value) {
  const auto sizes = value.get<std::vector<std::int64_t>>();
  check(sizes.size() == 4, "expected four sizes, got {}", sizes.size());
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

void add_choice(const json& entry, ConvManifest* manifest) {
  const auto image = four_sizes(entry.at("image"));
  const auto filter = four_sizes(entry.at("filter"));
  check(image[1] == filter[1], "the image has {} channels, but the filter has {}", image[1], filter[1]);
  const ConvShape shape{image[0],
                        image[1],
                        image[2],
                        image[3],
                        filter[0],
                        filter[2],
                        filter[3],
                        entry.at("stride").get<std::int64_t>(),
                        entry.at("padding").get<std::int64_t>(),
                        named<ActivationType>(entry.at("type"), kActivationTypeNames)};
  const auto pass = named<ConvPass>(entry.at("pass"), kConvPassNames);
  const ConvChoice choice{entry.at("plan").get<std::string>(), entry.at("microseconds").get<double>()};
  check(!choice.plan.empty(), "a plan has no name");
  check(manifest->choices.try_emplace({shape, pass}, choice).second, "{} occurs twice", describe(shape, pass));
}

ConvManifest from_json(const json& root) {
  check(root.at("format") == kFormat, "the format is {}, expected \"{}\"", root.at("format").dump(), kFormat);
  ConvManifest manifest;
  manifest.cudnn = root.at("cudnn").get<std::int64_t>();
  manifest.gpu = root.at("gpu").get<std::string>();
  manifest.driver = root.at("driver").get<std::int64_t>();
  if (root.contains("settings")) root.at("settings").get_to(manifest.settings);
  for (const json& entry : root.at("plans")) add_choice(entry, &manifest);
  return manifest;
}

}  // namespace

void write_conv_manifest(const std::filesystem::path& path, const ConvManifest& manifest) {
  std::vector<std::string> lines;
  for (const auto& [key, choice] : manifest.choices) lines.push_back(to_json(key, choice).dump());
  const std::string settings =
      manifest.settings.empty() ? "" : fmt::format("\"settings\": {}, ", json(manifest.settings).dump());
  write_file_atomically(
      path, fmt::format("{{\"format\": \"{}\", \"cudnn\": {}, \"gpu\": {}, \"driver\": {}, {}\"plans\": [\n{}\n]}}\n",
                        kFormat, manifest.cudnn, json(manifest.gpu).dump(), manifest.driver, settings,
                        fmt::join(lines, ",\n")));
}

ConvManifest read_conv_manifest(const std::filesystem::path& path) {
  constexpr const char* kAdvice = "remove the file to choose new plans, which may change the last bits of results";
  json root;
  try {
    root = parse_json(read_file(path), path.string(), JsonComments::kRefused, ExitCode::kFailure);
  } catch (const Error& error) {
    fail("{}; {}", error.what(), kAdvice);
  }
  try {
    return from_json(root);
  } catch (const json::exception& error) {
    fail("{}: not a file of convolution plans: {}; {}", path.string(), error.what(), kAdvice);
  } catch (const Error& error) {
    fail("{}: {}; {}", path.string(), error.what(), kAdvice);
  }
}

}  // namespace thalweg

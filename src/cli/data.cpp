#include "base/error.h"
#include "cli/command.h"
#include "data/dataset.h"
#include "data/fetch.h"
#include "data/folders.h"
#include "data/info.h"

namespace thalweg {
namespace {

void fetch(const CommandLine& line, const std::string& name) {
  FetchOptions options;
  if (line.has("url")) options.url = line.text("url");
  if (line.has("sha256")) options.sha256 = line.text("sha256");
  options.progress = line.common().progress;
  // The folder that is searched first.
  const std::vector<std::filesystem::path> folders = data_folders(line.has("out") ? line.text("out") : "");
  const FetchResult result = fetch_data_set(name, folders.empty() ? "" : folders.front(), options);
  if (line.common().json) {
    fmt::print("{}\n", nlohmann::json({{"folder", result.folder.string()}, {"downloaded", result.downloaded}}).dump());
  } else {
    fmt::print("{}{}\n", result.folder.string(), result.downloaded ? "" : " (was there already)");
  }
}

void info(const CommandLine& line, const std::string& name) {
  DataConfig config;
  config.name = name;
  if (line.has("path")) config.path = line.text("path");
  const nlohmann::json description = describe_data(load_data(config));
  if (line.common().json) {
    fmt::print("{}\n", description.dump());
    return;
  }
  fmt::print("{}: {} train and {} test images of {}\n", name, description.at("train_images").dump(),
             description.at("test_images").dump(), description.at("image").dump());
  for (const auto& c : description.at("classes")) {
    fmt::print("  {:<16} {:>6} train {:>6} test\n", c.at("name").get<std::string>(), c.at("train").dump(),
               c.at("test").dump());
  }
  fmt::print("normalisation  {}\nmeasured       {}\nsha256         {}\n", description.at("normalisation").dump(),
             description.at("measured").dump(), description.at("digest").get<std::string>());
}

}  // namespace

void data_command(int argc, char** argv) {
  CommandLine line("data", "Fetches a data set (download, SHA-256, safe unpacking) or prints what it holds.",
                   "fetch cifar10|cifar100 | info NAME",
                   "  thalweg data fetch cifar10\n"
                   "  thalweg data fetch cifar10 --out /data --url http://mirror/cifar-10-binary.tar.gz\n"
                   "  thalweg data info cifar10 --path /data --json\n");
  line.add()("action", "fetch or info", cxxopts::value<std::string>(), "ACTION")(
      "name", "cifar10, cifar100, or (info) fashion_mnist, mnist, synthetic", cxxopts::value<std::string>(), "NAME")(
      "out", "fetch: the folder to put it in (default: $THALWEG_DATA, else ~/.local/share/thalweg)",
      cxxopts::value<std::string>(),
      "DIR")("url", "fetch: download the archive from this address instead", cxxopts::value<std::string>(), "URL")(
      "sha256", "fetch: expected SHA-256 of the archive", cxxopts::value<std::string>(), "HEX")(
      "path", "info: the folder to look in", cxxopts::value<std::string>(), "DIR");
  line.positional({"action", "name"});
  line.parse(argc, argv);
  const std::string action = line.required("action", "'fetch' or 'info'");
  const std::string name = line.required("name", "the data set's name");
  if (action == "fetch") return fetch(line, name);
  if (action == "info") return info(line, name);
  fail_usage("'thalweg data': expected 'fetch' or 'info', got '{}'", action);
}

}  // namespace thalweg

// The available data sets, and how they are loaded.
#include <algorithm>

#include <fmt/ranges.h>

#include "base/digest.h"
#include "base/error.h"
#include "data/cifar.h"
#include "data/dataset.h"
#include "data/folders.h"
#include "data/idx.h"
#include "data/prepare.h"
#include "data/synthetic.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// Hashes the tensors one after the other, since concatenating them would double the memory that CIFAR takes. An empty
// validation split contributes nothing.
std::string digest_of(const DataSet& set) {
  Sha256 digest;
  for (const ImageSet* split : {&set.train, &set.test, &set.validation}) {
    if (split->size() == 0) continue;
    for (const at::Tensor& tensor : {split->images, split->labels}) digest.update(tensor.data_ptr(), tensor.nbytes());
  }
  return digest.hex();
}

std::string name_folders(const std::vector<fs::path>& folders) {
  if (folders.empty()) return "any folder (HOME is not set)";
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(folder.string());
  return fmt::format("{}", fmt::join(names, ", "));
}

[[noreturn]] void fail_not_found(const CifarFormat& format, const std::vector<fs::path>& roots) {
  std::string python;
  for (const fs::path& root : roots) {
    const std::string version = format.name == "cifar10" ? "cifar-10-batches-py" : "cifar-100-python";
    std::error_code ignored;
    if (fs::is_directory(root / version, ignored)) {
      python = fmt::format(" ({} is the Python version, which cannot be read; the binary version is needed)",
                           (root / version).string());
    }
  }
  fail(
      "{} not found: no folder {} and none of its files in {}{}. Run `thalweg data fetch {}`, or set data.path or the "
      "environment variable THALWEG_DATA to the folder that holds {}",
      format.title, format.folder, name_folders(roots), python, format.name, format.folder);
}

DataSet load_cifar(const DataConfig& config) {
  const CifarFormat& format = cifar_format(config.name);
  const std::vector<fs::path> roots = data_folders(config.path);
  for (const fs::path& root : roots) {
    const fs::path folder = find_cifar_folder(format, root);
    if (!folder.empty()) return read_cifar(format, folder, config.train_images, config.test_images);
  }
  fail_not_found(format, roots);
}

DataSet load_idx(const IdxFormat& format, const DataConfig& config) {
  std::vector<fs::path> roots = data_folders(config.path);
  if (config.path.empty() && !format.system_folder.empty()) roots.emplace_back(format.system_folder);
  for (const fs::path& root : roots) {
    const fs::path folder = find_idx_folder(format, root);
    if (!folder.empty()) return read_idx(format, folder, config.train_images, config.test_images);
  }
  fail(
      "{} not found: none of its files (train-images-idx3-ubyte and so on, plain or .gz) in {}. {}. To look in another "
      "folder, set data.path or the environment variable THALWEG_DATA",
      format.title, name_folders(roots), format.source);
}

DataSet load_by_name(const DataConfig& config) {
  if (config.name == "synthetic") return make_synthetic(config);
  const IdxFormat* idx = idx_format(config.name);
  return idx != nullptr ? load_idx(*idx, config) : load_cifar(config);
}

}  // namespace

const std::vector<std::string>& data_set_names() {
  static const std::vector<std::string> names = {"cifar10", "cifar100", "fashion_mnist", "mnist", "synthetic"};
  return names;
}

Normalisation read_normalisation(ConfigReader reader) {
  Normalisation out{reader.get_doubles("mean", {}), reader.get_doubles("std", {})};
  if (out.mean.empty() || out.mean.size() != out.std.size())
    fail_usage("{} needs one number a channel, like [0.5, 0.5, 0.5], and as many as {}", reader.full_name("mean"),
               reader.full_name("std"));
  for (const double deviation : out.std) {
    if (!(deviation > 0)) fail_usage("{}: expected numbers above 0, got {}", reader.full_name("std"), deviation);
  }
  reader.finish();
  return out;
}

DataConfig read_data_config(ConfigReader reader) {
  DataConfig config;
  config.name = reader.get_choice("name", config.name, data_set_names());
  config.path = reader.get_string("path", config.path);
  config.train_images = reader.get_int("train_images", config.train_images, 0);
  config.test_images = reader.get_int("test_images", config.test_images, 0);
  config.validation_images = reader.get_int("validation_images", config.validation_images, 0);
  config.pad_to = reader.get_int("pad_to", config.pad_to, 0, 256);
  config.seed = static_cast<std::uint64_t>(reader.get_int("seed", 0, 0));
  if (reader.has("normalisation")) config.normalisation = read_normalisation(reader.get_object("normalisation"));
  reader.finish();
  return config;
}

// Without a key for the set's own normalisation: runs that were trained before there was one are the same runs.
nlohmann::json to_json(const DataConfig& config) {
  nlohmann::json json = {{"name", config.name},
                         {"path", config.path},
                         {"train_images", config.train_images},
                         {"test_images", config.test_images},
                         {"validation_images", config.validation_images},
                         {"pad_to", config.pad_to},
                         {"seed", config.seed}};
  if (config.normalisation) json["normalisation"] = *config.normalisation;
  return json;
}

void to_json(nlohmann::json& json, const Normalisation& value) {
  json = nlohmann::json{{"mean", value.mean}, {"std", value.std}};
}

void from_json(const nlohmann::json& json, Normalisation& value) {
  Normalisation read{json.at("mean").get<std::vector<double>>(), json.at("std").get<std::vector<double>>()};
  check(read.mean.size() == read.std.size(),
        "normalisation: {} means and {} standard deviations, but each channel needs one of each", read.mean.size(),
        read.std.size());
  for (const double deviation : read.std)
    check(deviation > 0, "normalisation: standard deviation {} is not positive", deviation);
  value = std::move(read);
}

DataSet load_data(const DataConfig& config) {
  const auto& names = data_set_names();
  if (std::find(names.begin(), names.end(), config.name) == names.end()) {
    fail_usage("data.name is \"{}\"; expected one of {}", config.name, fmt::join(names, ", "));
  }
  DataSet set = load_by_name(config);
  if (config.normalisation) {
    const auto channels = static_cast<std::size_t>(set.train.images.size(1));
    if (config.normalisation->mean.size() != channels)
      fail_usage("data.normalisation has {} means, but the images of {} have {} channels",
                 config.normalisation->mean.size(), config.name, channels);
    set.normalisation = *config.normalisation;
  }
  if (config.pad_to > 0) pad_images(set, config.pad_to);
  if (config.validation_images > 0) hold_out_validation(set, config.validation_images, config.seed);
  set.config = config;
  set.digest = digest_of(set);
  return set;
}

}  // namespace thalweg

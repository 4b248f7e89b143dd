// Labelled images in memory, and how they are loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "io/config_reader.h"

namespace thalweg {

// One split, empty if the tensors are undefined. Images stay uint8 as stored; they are normalised when a batch is made.
struct ImageSet {
  at::Tensor images;  // uint8 [N, C, H, W], CPU, contiguous
  at::Tensor labels;  // int64 [N], CPU, each in [0, num_classes)

  std::int64_t size() const { return labels.defined() ? labels.size(0) : 0; }
};

// x = (pixel / 255 - mean) / std, per channel. Stored with every set of weights, because evaluating weights with
// another normalisation would be a silent error.
struct Normalisation {
  std::vector<double> mean;
  std::vector<double> std;

  bool operator==(const Normalisation&) const = default;
};
void to_json(nlohmann::json& json, const Normalisation& value);
void from_json(const nlohmann::json& json, Normalisation& value);

// Which images to load: the "data" object of a configuration.
//   {"name": "cifar10", "path": "", "train_images": 0, "test_images": 0, "validation_images": 0, "pad_to": 0,
//    "seed": 0, "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}
struct DataConfig {
  std::string name = "synthetic";  // one of data_set_names()
  std::string path = "";           // folder of the files or its parent; empty: $THALWEG_DATA, then the user's folder
  std::int64_t train_images = 0;   // the first N of the split; 0: all
  std::int64_t test_images = 0;
  std::int64_t validation_images = 0;               // number held out from the training split (data/prepare.h)
  std::int64_t pad_to = 0;                          // side of the images after padding with zeros; 0: no padding
  std::uint64_t seed = 0;                           // of the synthetic set and of the choice of held-out images
  std::optional<Normalisation> normalisation = {};  // instead of the set's own
};
DataConfig read_data_config(ConfigReader reader);
nlohmann::json to_json(const DataConfig& config);

struct DataSet {
  DataConfig config;
  ImageSet train;  // without the images held out
  ImageSet test;
  ImageSet validation;  // empty unless config.validation_images asks for it
  Normalisation normalisation;
  std::vector<std::string> class_names;
  std::string digest;  // SHA-256 over pixels and labels of train, test and validation as loaded

  std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
};

// Loads the set named config.name. Throws Error naming the file and its defect or, if no files are found, the folders
// searched and what to do: `thalweg data fetch`, data.path, THALWEG_DATA.
DataSet load_data(const DataConfig& config);

// The names that load_data accepts, for messages and `data info`.
const std::vector<std::string>& data_set_names();

}  // namespace thalweg

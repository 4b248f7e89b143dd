// CIFAR-10 and CIFAR-100 in their binary form (https://www.cs.toronto.edu/~kriz/cifar.html).
//
// A file is a sequence of records without a header: the label bytes, then 3 x 32 x 32 pixel bytes, channel by channel
// (red, green, blue), each row by row. CIFAR-10 has one label byte; CIFAR-100 has two, coarse then fine, and the fine
// one is the class. Reading is strict: a file of the wrong size or a label out of range throws an Error naming the file
// and the record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace thalweg {

// Describes the files of a set. It is a value so that tests can use sets of a few records.
struct CifarFormat {
  std::string name;                      // "cifar10"
  std::string title;                     // "CIFAR-10", for messages
  std::string folder;                    // the folder that the official archive unpacks to
  std::vector<std::string> train_files;  // in order
  std::vector<std::string> test_files;
  std::int64_t train_records;            // per file
  std::int64_t test_records;             // per file
  std::vector<int> label_limits;         // per label byte, its exclusive upper limit; the last label is the class
  std::string names_file;                // class names, one per line; optional
  std::vector<std::string> class_names;  // used if there is no names file
  Normalisation normalisation;           // channel statistics of the training split
  std::string archive_url;               // the official archive
  std::string archive_sha256;

  std::int64_t num_train() const { return train_records * static_cast<std::int64_t>(train_files.size()); }
  std::int64_t num_test() const { return test_records * static_cast<std::int64_t>(test_files.size()); }
};

// `name` is "cifar10" or "cifar100"; throws a usage Error for any other.
const CifarFormat& cifar_format(const std::string& name);

// Reads the first `train_images` and `test_images` (0: all) from the folder that holds the files. The sizes of all
// files are checked, however few images are requested. The result's config and digest are left empty.
DataSet read_cifar(const CifarFormat& format, const std::filesystem::path& folder, std::int64_t train_images = 0,
                   std::int64_t test_images = 0);

// Returns `root`/<format.folder>, or `root` itself if it holds the files directly; empty if neither does.
std::filesystem::path find_cifar_folder(const CifarFormat& format, const std::filesystem::path& root);

}  // namespace thalweg

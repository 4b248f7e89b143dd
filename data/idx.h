// MNIST and other sets in its format: IDX files (http://yann.lecun.com/exdb/mnist), plain or compressed by gzip.
//
// An IDX file is a big-endian header (two zero bytes, the type of the values, the number of dimensions, then each
// dimension as 32 bits) and the values in row-major order; here the type is always unsigned byte. A set is four files,
// images [N, 28, 28] and labels [N] for each of two splits. Reading is strict: another type, shape or length, or a
// label out of range, throws an Error naming the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace thalweg {

// Describes the files of a set. It is a value so that tests can use sets of a few images.
struct IdxFormat {
  std::string name;                        // "fashion_mnist"
  std::string title;                       // "Fashion-MNIST", for messages
  std::vector<std::string> folders;        // where the files usually are within a folder of data sets
  std::string system_folder;               // where an operating system's package installs them; empty: there is none
  std::string source;                      // where to get the files, a sentence for messages
  std::int64_t train_images;               // in the training split
  std::int64_t test_images;                // in the test split
  std::vector<std::int64_t> first_labels;  // of the training split, to identify the set: all name their files alike
  std::vector<std::string> class_names;
  Normalisation normalisation;  // of the training split
};

// `name` is "mnist" or "fashion_mnist"; returns nullptr for any other.
const IdxFormat* idx_format(const std::string& name);

// Reads the first `train_images` and `test_images` (0: all) from the folder that holds the files; all files are read to
// their end and checked, however few images are requested. Images get one channel. The result's config and digest are
// left empty.
DataSet read_idx(const IdxFormat& format, const std::filesystem::path& folder, std::int64_t train_images = 0,
                 std::int64_t test_images = 0);

// Returns the first of `root`/<format.folders> and `root` itself that holds one of the files; empty if none does.
std::filesystem::path find_idx_folder(const IdxFormat& format, const std::filesystem::path& root);

}  // namespace thalweg

// MNIST and sets in its form: IDX files (http://yann.lecun.com/exdb/mnist), plain or compressed by gzip.
//
// An IDX file is a big-endian header (two zero bytes, the type of the values, the number of dimensions, then each
// dimension as 32 bits) and the values in row-major order; here the type is always unsigned byte. A set is four files,
// images [N, 28, 28] and labels [N] of two splits. Reading is strict: another type, shape or length, or a label out of
// range, is an error that names the file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace thalweg {

// What a set looks like on disk. A value, so that tests can read sets of a few images.
struct IdxFormat {
  std::string name;                        // "fashion_mnist"
  std::string title;                       // "Fashion-MNIST", for messages
  std::vector<std::string> folders;        // where the files usually lie within a folder of data sets
  std::string system_folder;               // where an operating system's package puts them; empty: none does
  std::string source;                      // where to get the files, a sentence for messages
  std::int64_t train_images;               // in the training split
  std::int64_t test_images;                // in the test split
  std::vector<std::int64_t> first_labels;  // of the training split: all such sets name their files alike
  std::vector<std::string> class_names;
  Normalisation normalisation;  // of the training split
};

// "mnist" or "fashion_mnist"; nullptr for another name.
const IdxFormat* idx_format(const std::string& name);

// Reads the first `train_images` and `test_images` (0: all) from the folder that holds the files; all files are read to
// their end and checked, whatever is asked for. Images get one channel. The result's config and digest are left empty.
DataSet read_idx(const IdxFormat& format, const std::filesystem::path& folder, std::int64_t train_images = 0,
                 std::int64_t test_images = 0);

// The first of `root`/<format.folders> and `root` itself that holds one of the files; empty if none does.
std::filesystem::path find_idx_folder(const IdxFormat& format, const std::filesystem::path& root);

}  // namespace thalweg

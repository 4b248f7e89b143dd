// Reads and writes small HDF5 files (surfaces). A file is written in one go and renamed into place, so readers never
// see a half-written or locked file. It ends with a checksum of all its bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace thalweg {

struct Hdf5Dataset {
  std::vector<std::size_t> shape;  // row-major; empty = scalar
  std::vector<double> values;
  bool as_float32 = false;  // type in the file; false: float64
};

struct Hdf5Content {
  std::map<std::string, Hdf5Dataset> datasets;  // at the root; names may hold '/' for groups
  std::map<std::string, std::string> strings;   // scalar UTF-8 string datasets at the root
};

// Equal contents give equal bytes. Strings must not contain zero bytes. HDF5 is not thread-safe: one call at a time.
void write_hdf5(const std::filesystem::path& path, const Hdf5Content& content);
// Reads what write_hdf5 writes and what h5py users write (float32, float64 and integer datasets become double). Skips
// everything else (booleans, compounds, arrays of strings, soft links, attributes) and datasets whose names are not
// `wanted`. Throws Error if the checksum is wrong; files that another program wrote to have none.
Hdf5Content read_hdf5(
    const std::filesystem::path& path,
    const std::function<bool(const std::string&)>& wanted = [](const std::string&) { return true; });

}  // namespace thalweg

// Getting a data set from its official place (or a mirror): download, checksum, unpack, check, rename into place.
//
// A set is there whole or not at all. The download goes to a hidden file beside the set and is kept when it breaks off,
// so that the same command goes on where it stopped; it is unpacked only if its SHA-256 is the expected one, into a
// hidden folder that is renamed when the set in it has been read without an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/progress.h"
#include "data/cifar.h"

namespace thalweg {

struct FetchOptions {
  std::string url = "";     // http, https or file; empty: the official archive
  std::string sha256 = "";  // of the archive, hexadecimal; empty: the official archive's
  ProgressMode progress = ProgressMode::kAuto;
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{60};       // gives up when below 1 kB/s for so long
  std::int64_t max_archive_bytes = 1ll << 30;   // of the download
  std::int64_t max_unpacked_bytes = 2ll << 30;  // of all files together
};

struct FetchResult {
  std::filesystem::path folder;  // holds the set's files
  bool downloaded = false;       // false: a valid set was already there
};

// Puts the set into `folder`/<standard folder>; an empty `folder` is the user's data folder. Where a valid set is there
// already, nothing is downloaded; a damaged one is an Error (nothing of the user's is deleted). Throws Error naming the
// address and what went wrong, and Stopped when a stop was asked for. One fetch into a folder at a time: a second one
// is an Error.
FetchResult fetch_data_set(const std::string& name, const std::filesystem::path& folder, const FetchOptions& options);

// The same for a format given as a value.
FetchResult fetch_archive(const CifarFormat& format, const std::filesystem::path& folder, const FetchOptions& options);

}  // namespace thalweg

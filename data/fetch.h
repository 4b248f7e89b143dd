// Fetches a data set from its official address (or a mirror): download, verify the checksum, unpack, check, rename into
// place.
//
// A set is either complete or absent. The download goes to a hidden file beside the set, which is kept if the download
// is interrupted, so the same command resumes it. It is unpacked only if its SHA-256 is the expected one, into a hidden
// folder that is renamed once the set in it has been read without an error.
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
  std::chrono::seconds stall_timeout{60};       // gives up after this long below 1 kB/s
  std::int64_t max_archive_bytes = 1ll << 30;   // of the download
  std::int64_t max_unpacked_bytes = 2ll << 30;  // of all files together
};

struct FetchResult {
  std::filesystem::path folder;  // holds the set's files
  bool downloaded = false;       // false: a valid set was already there
};

// Puts the set into `folder`/<standard folder>; an empty `folder` is the user's data folder. Downloads nothing if a
// valid set exists there; throws Error if it is damaged (no file of the user is deleted). Throws Error naming the
// address and what went wrong, or if another fetch into the folder is under way, and Stopped if a stop was requested.
FetchResult fetch_data_set(const std::string& name, const std::filesystem::path& folder, const FetchOptions& options);

// The same for the set described by `format`.
FetchResult fetch_archive(const CifarFormat& format, const std::filesystem::path& folder, const FetchOptions& options);

}  // namespace thalweg

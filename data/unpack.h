// Unpacks a downloaded archive without trusting its contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace thalweg {

struct UnpackRequest {
  std::filesystem::path archive;  // tar, plain or compressed by gzip
  std::string top;                // the only folder that the archive may hold, with files directly in it
  std::filesystem::path target;   // an existing, empty folder; receives those files, without `top`
  std::int64_t max_bytes;         // of all files together
};

// Throws Error naming the entry for any other entry (a link, a device, an absolute path, "..", a folder elsewhere, a
// duplicate name), and Error if the files exceed max_bytes or there are more than 100 entries; never writes outside
// `target`. Throws Stopped if a stop was requested. Files written before an error stay in `target`.
void unpack_archive(const UnpackRequest& request);

}  // namespace thalweg

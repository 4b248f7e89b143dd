// Unpacking of an archive that was downloaded, with nothing taken on trust.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace thalweg {

struct UnpackRequest {
  std::filesystem::path archive;  // tar, plain or compressed by gzip
  std::string top;                // the one folder that the archive may hold, with files right in it
  std::filesystem::path target;   // an existing, empty folder; gets those files, without `top`
  std::int64_t max_bytes;         // of all files together
};

// Any other entry (a link, a device, an absolute path, "..", a folder elsewhere, a name twice) and any size beyond the
// limit is an Error that names the entry; nothing is ever written outside `target`. Throws Stopped when a stop was
// asked for. Files written before an error stay in `target`.
void unpack_archive(const UnpackRequest& request);

}  // namespace thalweg

// Makes valid and malicious archives in memory, for tests.
#pragma once

#include <string>
#include <vector>

#include "data/cifar.h"

namespace thalweg {

struct ArchiveEntry {
  std::string path;
  std::string content = {};
  char type = 'f';        // 'f' file, 'd' folder, 's' symbolic link, 'h' hard link, 'p' named pipe
  std::string link = {};  // target of a link
};

// Returns a gzip-compressed tar archive with exactly these entries.
std::string make_archive(const std::vector<ArchiveEntry>& entries);

// The entries of a valid archive of a small set, laid out like the official one: the folder first, then its files.
std::vector<ArchiveEntry> set_entries(const CifarFormat& format);

}  // namespace thalweg

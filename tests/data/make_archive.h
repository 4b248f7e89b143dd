// Archives for tests, good and malicious, in memory.
#pragma once

#include <string>
#include <vector>

#include "data/cifar.h"

namespace thalweg {

struct ArchiveEntry {
  std::string path;
  std::string content = {};
  char type = 'f';        // 'f' file, 'd' folder, 's' symbolic link, 'h' hard link, 'p' named pipe
  std::string link = {};  // where a link points
};

// A gzipped tar with these entries, written as they are.
std::string make_archive(const std::vector<ArchiveEntry>& entries);

// The entries of a good archive of a small set, the official one's shape: the folder first, then its files.
std::vector<ArchiveEntry> set_entries(const CifarFormat& format);

}  // namespace thalweg

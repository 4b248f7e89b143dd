#include "data/make_archive.h"

#include <memory>
#include <stdexcept>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "data/cifar_files.h"

namespace thalweg {
namespace {

la_ssize_t append(archive*, void* user, const void* data, std::size_t bytes) {
  static_cast<std::string*>(user)->append(static_cast<const char*>(data), bytes);
  return static_cast<la_ssize_t>(bytes);
}

void fill_header(archive_entry* header, const ArchiveEntry& entry) {
  archive_entry_set_pathname(header, entry.path.c_str());
  archive_entry_set_perm(header, 0644);
  const bool plain = entry.type == 'f' || entry.type == 'h';
  archive_entry_set_filetype(header, plain               ? S_IFREG
                                     : entry.type == 'd' ? S_IFDIR
                                     : entry.type == 'p' ? S_IFIFO
                                                         : S_IFLNK);
  archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
  if (entry.type == 's') archive_entry_set_symlink(header, entry.link.c_str());
  if (entry.type == 'h') archive_entry_set_hardlink(header, entry.link.c_str());
}

}  // namespace

std::string make_archive(const std::vector<ArchiveEntry>& entries) {
  std::string bytes;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), &archive_write_free);
  archive_write_add_filter_gzip(writer.get());
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);  // no padding, so that half of the archive lacks content
  archive_write_open(writer.get(), &bytes, nullptr, &append, nullptr);
  for (const auto& entry : entries) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> header(archive_entry_new(), &archive_entry_free);
    fill_header(header.get(), entry);
    if (archive_write_header(writer.get(), header.get()) != ARCHIVE_OK) throw std::runtime_error(entry.path);
    archive_write_data(writer.get(), entry.content.data(), entry.content.size());
  }
  archive_write_close(writer.get());
  return bytes;
}

std::vector<ArchiveEntry> set_entries(const CifarFormat& format) {
  std::vector<ArchiveEntry> entries = {{.path = format.folder + "/", .content = "", .type = 'd'}};
  const auto add = [&](const std::string& name, std::int64_t count) {
    entries.push_back({.path = format.folder + "/" + name, .content = records(format, count)});
  };
  for (const auto& name : format.train_files) add(name, format.train_records);
  for (const auto& name : format.test_files) add(name, format.test_records);
  entries.push_back({.path = format.folder + "/readme.html", .content = "<html></html>"});
  return entries;
}

}  // namespace thalweg

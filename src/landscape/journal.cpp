#include "landscape/journal.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "io/config_reader.h"

namespace thalweg {

static_assert(std::endian::native == std::endian::little, "the journal's numbers are written as they lie in memory");

namespace {

// The header of the journal. Throws Error naming the setting that differs from an existing journal; RecordLog handles
// torn or damaged files.
std::string checked_header(const std::filesystem::path& file, nlohmann::json identity,
                           const std::vector<std::string>& names) {
  identity["values"] = names;
  nlohmann::json there;
  try {
    there = read_journal_header(file);
  } catch (const Error&) {
  }
  const std::string header = identity.dump();
  if (!there.is_null() && there.dump() != header)
    fail("{} belongs to a surface with other settings ({}); remove it, or choose another --out", file.string(),
         first_difference(there, identity));
  return header;
}

}  // namespace

Journal::Journal(const std::filesystem::path& file, nlohmann::json identity, std::vector<std::string> names)
    : names_(std::move(names)),
      log_(file, checked_header(file, std::move(identity), names_), "Remove it, or choose another --out") {
  const std::size_t bytes = names_.size() * sizeof(double);
  for (std::string& record : log_.take_found()) {
    std::uint64_t point = 0;
    check(record.size() >= sizeof point + bytes, "{}: a record of {} bytes is too short for this map", file.string(),
          record.size());
    std::memcpy(&point, record.data(), sizeof point);
    Point& found = points_[point];
    found.values.resize(names_.size());
    std::memcpy(found.values.data(), record.data() + sizeof point, bytes);
    found.images = std::exchange(record, {}).substr(sizeof point + bytes);
  }
}

std::filesystem::path journal_of(const std::filesystem::path& surface) {
  return surface.string() + ".journal";
}

nlohmann::json read_journal_header(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return nullptr;
  const nlohmann::json header = nlohmann::json::parse(read_record_log_header(file), nullptr, false);
  return header.is_object() ? header : nlohmann::json();
}

void Journal::append(std::size_t point, Point values) {
  check(values.values.size() == names_.size(), "a point has {} values, expected {}", values.values.size(),
        names_.size());
  const std::uint64_t index = point;
  std::string record(sizeof index + values.values.size() * sizeof(double), '\0');
  std::memcpy(record.data(), &index, sizeof index);
  std::memcpy(record.data() + sizeof index, values.values.data(), values.values.size() * sizeof(double));
  log_.append(record + values.images);
  points_[point] = std::move(values);
}

}  // namespace thalweg

#include "landscape/journal.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "io/config_reader.h"

namespace thalweg {

static_assert(std::endian::native == std::endian::little, "the journal's numbers are written as they lie in memory");

namespace {

nlohmann::json with_names(nlohmann::json identity, const std::vector<std::string>& names) {
  identity["values"] = names;
  return identity;
}

// Names the setting that differs from those of an existing journal. RecordLog reports torn or damaged files.
std::string mismatch_advice(const std::filesystem::path& file, const nlohmann::json& header) {
  const std::string advice = "Remove it, or choose another --out";
  try {
    const nlohmann::json there = read_journal_header(file);
    if (!there.is_null() && there != header)
      return fmt::format("It belongs to a surface with other settings ({}). {}", first_difference(there, header),
                         advice);
  } catch (const Error&) {
  }
  return advice;
}

}  // namespace

Journal::Journal(const std::filesystem::path& file, const nlohmann::json& identity, std::vector<std::string> names)
    : names_(std::move(names)),
      log_(file, with_names(identity, names_).dump(), mismatch_advice(file, with_names(identity, names_))) {
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

#include "landscape/journal.h"

#include <bit>
#include <cstring>

#include "base/error.h"

namespace thalweg {

static_assert(std::endian::native == std::endian::little, "the journal's numbers are written as they lie in memory");

Journal::Journal(const std::filesystem::path& file, const nlohmann::json& identity, std::size_t values_per_point)
    : values_per_point_(values_per_point),
      log_(
          file, identity.dump(),
          "it belongs to a surface with other settings (plane, grid, data, batch norm or device); remove it, or choose "
          "another --out") {
  for (const std::string& record : log_.records()) {
    check(record.size() == sizeof(std::uint64_t) + values_per_point_ * sizeof(double),
          "{}: a record of {} bytes does not belong here", file.string(), record.size());
    std::uint64_t point = 0;
    std::memcpy(&point, record.data(), sizeof point);
    std::vector<double> values(values_per_point_);
    std::memcpy(values.data(), record.data() + sizeof point, values.size() * sizeof(double));
    points_[point] = std::move(values);
  }
}

void Journal::append(std::size_t point, const std::vector<double>& values) {
  check(values.size() == values_per_point_, "a point has {} values, expected {}", values.size(), values_per_point_);
  const std::uint64_t index = point;
  std::string record(sizeof index + values.size() * sizeof(double), '\0');
  std::memcpy(record.data(), &index, sizeof index);
  std::memcpy(record.data() + sizeof index, values.data(), values.size() * sizeof(double));
  log_.append(record);
  points_[point] = values;
}

}  // namespace thalweg

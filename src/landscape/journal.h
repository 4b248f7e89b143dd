// The journal of a surface in progress, with one record per finished point: a kill loses at most the point in progress.
// It is a RecordLog (io/record_log.h) whose header describes what is evaluated and names the values. A record is the
// u64 LE point index, then the values as float64 LE in the header's order, then, if the map needs them again, data on
// single images. NaN and inf are stored unchanged. If a point has two records, the later one counts.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/record_log.h"

namespace thalweg {

class Journal {
 public:
  // Throws Error if an existing journal has another `identity`: points of different planes, data sets or settings are
  // never mixed.
  Journal(const std::filesystem::path& file, const nlohmann::json& identity, std::vector<std::string> names);

  struct Point {
    std::vector<double> values;
    std::string images;  // bytes; usually empty
  };
  const std::vector<std::string>& names() const { return names_; }
  const std::map<std::size_t, Point>& points() const { return points_; }
  bool has(std::size_t point) const { return points_.count(point) != 0; }
  void append(std::size_t point, Point values);

 private:
  std::vector<std::string> names_;
  RecordLog log_;
  std::map<std::size_t, Point> points_;
};

// Reads the header of a journal without opening it for writing; null if there is none.
nlohmann::json read_journal_header(const std::filesystem::path& file);

}  // namespace thalweg

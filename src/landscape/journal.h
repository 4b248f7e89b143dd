// The journal of a surface in the making: a record a finished point, so that a kill loses at most the point it hit.
// A RecordLog (io/record_log.h) whose header says what is evaluated and how the values are called; a record is u64 LE
// point index, then the values as float64 LE in the header's order, then, where a map needs them again, what
// is kept of single images. NaN and inf are kept as they are. Of two records of a point the later one counts.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/record_log.h"

namespace thalweg {

class Journal {
 public:
  // `identity` must equal that of an existing journal: points of another plane, data set or setting are never mixed in.
  Journal(const std::filesystem::path& file, nlohmann::json identity, std::vector<std::string> names);

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

// Where a surface's journal lies.
std::filesystem::path journal_of(const std::filesystem::path& surface);
// The header of a journal, without opening it for writing; null if there is none.
nlohmann::json read_journal_header(const std::filesystem::path& file);

}  // namespace thalweg

// The journal of a surface in the making: a record a finished point, so that a kill loses at most the point it hit.
// A RecordLog (io/record_log.h) whose header says what is evaluated; a record is u64 LE point index, then the values as
// float64 LE in the order train_loss, train_acc, test_loss, test_acc (those evaluated). NaN and inf are kept as they
// are.
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
  Journal(const std::filesystem::path& file, const nlohmann::json& identity, std::size_t values_per_point);

  const std::map<std::size_t, std::vector<double>>& points() const { return points_; }
  bool has(std::size_t point) const { return points_.count(point) != 0; }
  void append(std::size_t point, const std::vector<double>& values);

 private:
  std::size_t values_per_point_;
  RecordLog log_;
  std::map<std::size_t, std::vector<double>> points_;
};

}  // namespace thalweg

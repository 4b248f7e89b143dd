// One row per grid point with x, y and the values, x varying fastest, at full precision; NaN and inf are written as
// "nan" and "inf".
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "io/atomic_file.h"
#include "landscape/surface.h"

namespace thalweg {
namespace {

constexpr char kColumns[] = "x,y";  // followed by the names of the values, first one of a loss or an accuracy
constexpr std::array<const char*, 4> kFirst = {"train_loss", "train_acc", "test_loss", "test_acc"};

}  // namespace

void write_surface_csv(const std::filesystem::path& file, const Surface& surface) {
  const std::size_t nx = surface.x.size();
  std::string text = kColumns;
  std::vector<const std::vector<double>*> columns;
  const auto add = [&](const std::string& key, const std::vector<double>& values) {
    check(values.size() == nx * surface.y.size(), "{}: {} holds {} values, but the grid has {} x {} points",
          file.string(), key, values.size(), nx, surface.y.size());
    text += fmt::format(",{}", key);
    columns.push_back(&values);
  };
  for (const char* key : kFirst) {
    if (surface.has(key)) add(key, surface.values.at(key));
  }
  for (const auto& [key, values] : surface.values) {
    if (std::find(kFirst.begin(), kFirst.end(), key) == kFirst.end()) add(key, values);
  }
  text += '\n';
  auto out = std::back_inserter(text);
  for (std::size_t i = 0; i < nx * surface.y.size(); ++i) {
    fmt::format_to(out, "{},{}", surface.x[i % nx], surface.y[i / nx]);
    for (const auto* column : columns) {
      const double value = (*column)[i];
      fmt::format_to(out, ",{}", std::isnan(value) ? std::abs(value) : value);  // no "-nan"
    }
    text += '\n';
  }
  write_file_atomically(file, text);
}

void check_surface_csv(const std::filesystem::path& file) {
  const auto begins = [&](const char* first) { return file_begins_with(file, fmt::format("{},{}", kColumns, first)); };
  check(std::ranges::any_of(kFirst, begins), "{} does not begin with \"{},{}\" or another loss or accuracy",
        file.string(), kColumns, kFirst[0]);
}

}  // namespace thalweg

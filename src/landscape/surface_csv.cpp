// x, y and the values of each grid point, x running fastest; full precision, "nan" and "inf" as they are.
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "io/atomic_file.h"
#include "landscape/surface.h"

namespace thalweg {

void write_surface_csv(const std::filesystem::path& file, const Surface& surface) {
  const std::size_t nx = surface.x.size();
  std::string text = "x,y";
  std::vector<const std::vector<double>*> columns;
  for (const char* key : {"train_loss", "train_acc", "test_loss", "test_acc"}) {
    const auto found = surface.values.find(key);
    if (found == surface.values.end()) continue;
    check(found->second.size() == nx * surface.y.size(), "{}: {} holds {} values, but the grid has {} x {} points",
          file.string(), key, found->second.size(), nx, surface.y.size());
    text += fmt::format(",{}", key);
    columns.push_back(&found->second);
  }
  text += '\n';
  auto out = std::back_inserter(text);
  for (std::size_t i = 0; i < nx * surface.y.size(); ++i) {
    fmt::format_to(out, "{},{}", surface.x[i % nx], surface.y[i / nx]);
    for (const auto* column : columns) fmt::format_to(out, ",{}", (*column)[i]);
    text += '\n';
  }
  write_file_atomically(file, text);
}

}  // namespace thalweg

#include "trajectory/layout.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"

namespace thalweg {
namespace {

TensorPlace parse_entry(const nlohmann::json& json, std::int64_t num_elements) {
  TensorPlace entry;
  entry.name = json.at("name").get<std::string>();
  entry.shape = json.at("shape").get<std::vector<std::int64_t>>();
  entry.offset = json.at("offset").get<std::int64_t>();
  entry.size = 1;
  for (const std::int64_t extent : entry.shape) {
    // No entry may exceed the vector, so the product cannot overflow.
    if (extent < 0 || (extent > 0 && entry.size > num_elements / extent)) {
      throw std::runtime_error(entry.name + " does not fit");
    }
    entry.size *= extent;
  }
  return entry;
}

}  // namespace

std::vector<TensorPlace> parse_layout(const nlohmann::json& json, std::int64_t num_elements, const std::string& what) {
  std::vector<TensorPlace> entries;
  try {
    if (!json.is_array()) throw std::runtime_error("it is not a list");
    for (const nlohmann::json& entry : json) entries.push_back(parse_entry(entry, num_elements));
  } catch (const std::exception& error) {
    fail("{}: the layout is not a list of name, shape and offset for {} elements: {}", what, num_elements,
         error.what());
  }
  // At equal offsets, empty entries come before the one that holds elements.
  std::stable_sort(entries.begin(), entries.end(), [](const TensorPlace& a, const TensorPlace& b) {
    return std::tie(a.offset, a.size) < std::tie(b.offset, b.size);
  });
  std::int64_t end = 0;
  for (const TensorPlace& entry : entries) {
    check(entry.offset == end, "{}: {} starts at element {} of the vector, expected {}", what, entry.name, entry.offset,
          end);
    end += entry.size;
  }
  check(end == num_elements, "{}: the layout ends at element {}, but the vector has {}", what, end, num_elements);
  return entries;
}

}  // namespace thalweg

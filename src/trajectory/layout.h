// Which parameter lies where in a weight vector: the JSON that planes carry, checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

struct TensorPlace {
  std::string name;
  std::vector<std::int64_t> shape;  // row-major
  std::int64_t offset = 0;          // of its first element in the vector
  std::int64_t size = 0;            // product of shape
};

// Parses [{"name", "shape", "offset"}, ...], in order of offset. Throws Error that starts with `what` unless the
// entries tile [0, num_elements) without a hole or an overlap.
std::vector<TensorPlace> parse_layout(const nlohmann::json& json, std::int64_t num_elements, const std::string& what);

}  // namespace thalweg

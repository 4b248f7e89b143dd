// The position of each parameter in a weight vector: parses and checks the JSON that planes carry.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

struct TensorPlace {
  std::string name;
  std::vector<std::int64_t> shape;  // row-major
  std::int64_t offset = 0;          // of the tensor's first element in the vector
  std::int64_t size = 0;            // product of shape
};

// Parses [{"name", "shape", "offset"}, ...] and sorts it by offset. Throws Error with a message that starts with `what`
// unless the entries tile [0, num_elements) without gaps or overlaps.
std::vector<TensorPlace> parse_layout(const nlohmann::json& json, std::int64_t num_elements, const std::string& what);

}  // namespace thalweg

// Parsing text that consists of a single number.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace thalweg {

// Parses a decimal number (for floating-point types also "inf" and "nan"); the only sign allowed is a minus. Returns
// nullopt if the text contains any other characters or the value is out of range.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace thalweg

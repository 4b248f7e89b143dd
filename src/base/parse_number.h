// Text that is a number from its first character to its last.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace thalweg {

// Decimal, with a sign only if negative; nothing where other characters stand around it or it does not fit.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace thalweg

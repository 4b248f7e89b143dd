// JSON text to a value, refusing what the parser alone would let pass in silence: an object that names a key twice.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace thalweg {

enum class JsonComments { kRefused, kAllowed };

// `name` (a file, say) opens every message; a syntax error gives line and column. Throws Error with `code`.
nlohmann::json parse_json(std::string_view text, const std::string& name, JsonComments comments, ExitCode code);
// Of a file, comments (// and /* */) allowed. A user's file is wrong, one of ours is damaged.
nlohmann::json read_json_file(const std::string& path, ExitCode code = ExitCode::kUsage);

}  // namespace thalweg

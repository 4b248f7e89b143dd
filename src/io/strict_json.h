// Parses JSON and rejects objects that name a key twice, which the parser alone would accept silently.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace thalweg {

enum class JsonComments { kRefused, kAllowed };

// `name` (for example a file) begins every message; a syntax error reports line and column. Throws Error with `code`.
nlohmann::json parse_json(std::string_view text, const std::string& name, JsonComments comments, ExitCode code);
// Parses a file; comments (// and /* */) are allowed. Pass kUsage for a user's file, kFailure for one of the program's.
nlohmann::json read_json_file(const std::string& path, ExitCode code = ExitCode::kUsage);

}  // namespace thalweg

#include "io/strict_json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "io/atomic_file.h"

namespace thalweg {
namespace {

using nlohmann::json;

// Returns the parser's message without its prefix "[json.exception.parse_error.101] ". The message quotes the last
// bytes read and may cut UTF-8 characters, which JSON that contains the message could not hold; non-ASCII bytes are
// replaced.
std::string message_of(const json::exception& error) {
  std::string text = error.what();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  const auto end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace

json parse_json(std::string_view text, const std::string& name, JsonComments comments, ExitCode code) {
  // The parser treats a zero byte as the end and ignores what follows.
  if (text.find('\0') != std::string_view::npos) throw Error(name + ": parse error: a zero byte in the text", code);
  std::vector<std::set<std::string>> open;  // keys seen so far in each enclosing object
  const json::parser_callback_t note_keys = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      open.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      open.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open.back().insert(key).second) {
        throw Error(fmt::format("{}: the key \"{}\" appears twice in one object", name, key), code);
      }
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), note_keys, true, comments == JsonComments::kAllowed);
  } catch (const json::exception& error) {
    throw Error(fmt::format("{}: {}", name, message_of(error)), code);
  }
}

json read_json_file(const std::string& path, ExitCode code) {
  return parse_json(read_file(path), path, JsonComments::kAllowed, code);
}

}  // namespace thalweg

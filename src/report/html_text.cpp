#include "report/html_text.h"

#include "base/error.h"
#include "report/svg.h"

namespace thalweg {

using nlohmann::json;

std::string value_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) {  // "train 50000, test 10000"; a list has no names
    std::string text;
    for (const auto& [key, part] : value.items()) {
      text += (text.empty() ? "" : ", ") + (value.is_object() ? key + " " : std::string()) + value_text(part);
    }
    return text;
  }
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string fact_table(const std::string& caption, const std::vector<std::pair<std::string, std::string>>& facts) {
  if (facts.empty()) return "";
  std::string text = fmt::format("<div class=\"scroll\"><table><caption>{}</caption><tbody>\n", escape_xml(caption));
  for (const auto& [name, value] : facts) {
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_xml(name), escape_xml(value));
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace thalweg

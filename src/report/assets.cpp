#include "report/assets.h"

#include <cstddef>

// Defined by assets.S.
extern "C" {
extern const char thalweg_plotly_js[], thalweg_plotly_js_end[];
extern const char thalweg_page_html[], thalweg_page_html_end[];
extern const char thalweg_page_css[], thalweg_page_css_end[];
extern const char thalweg_page_js[], thalweg_page_js_end[];
}

namespace thalweg {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view plotly_js() {
  return between(thalweg_plotly_js, thalweg_plotly_js_end);
}
std::string_view page_html() {
  return between(thalweg_page_html, thalweg_page_html_end);
}
std::string_view page_css() {
  return between(thalweg_page_css, thalweg_page_css_end);
}
std::string_view page_js() {
  return between(thalweg_page_js, thalweg_page_js_end);
}

}  // namespace thalweg

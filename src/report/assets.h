// Files embedded in the program for the HTML report. The views are valid for the lifetime of the program.
#pragma once

#include <string_view>

namespace thalweg {

std::string_view plotly_js();  // plotly.min.js, with its licence notice at the top
std::string_view page_html();  // skeleton of the page: {{name}} is replaced by html.cpp
std::string_view page_css();
std::string_view page_js();  // page.js, page_map.js and page_runs.js, concatenated

}  // namespace thalweg

// Files that the program carries inside itself: what the HTML report is made of. They live as long as the program.
#pragma once

#include <string_view>

namespace thalweg {

std::string_view plotly_js();  // plotly.min.js, with its licence's notice at the top
std::string_view page_html();  // skeleton of the page: {{name}} stands for what html.cpp puts there
std::string_view page_css();
std::string_view page_js();  // page.js, page_map.js and page_runs.js, one behind the other

}  // namespace thalweg

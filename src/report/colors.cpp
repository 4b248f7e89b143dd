#include "report/colors.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace thalweg {
namespace {

// viridis at nine equidistant stops (public domain, CC0, by van der Walt and Smith).
constexpr std::array<std::array<int, 3>, 9> kViridis = {{{68, 1, 84},
                                                         {71, 44, 122},
                                                         {59, 81, 139},
                                                         {44, 113, 142},
                                                         {33, 144, 141},
                                                         {39, 173, 129},
                                                         {92, 200, 99},
                                                         {170, 220, 50},
                                                         {253, 231, 37}}};
constexpr double kWhite = 0.30;

// ColorBrewer's RdBu (Brewer and Harrower), reversed.
constexpr std::array<std::array<int, 3>, 9> kBlueToRed = {{{33, 102, 172},
                                                           {67, 147, 195},
                                                           {146, 197, 222},
                                                           {209, 229, 240},
                                                           {247, 247, 247},
                                                           {253, 219, 199},
                                                           {244, 165, 130},
                                                           {214, 96, 77},
                                                           {178, 24, 43}}};

// Okabe and Ito (2008), without black (the main path) and yellow (lost on the map).
constexpr std::array<const char*, 6> kBranches = {"#d55e00", "#0072b2", "#cc79a7", "#56b4e9", "#e69f00", "#009e73"};
constexpr std::array<const char*, 4> kDashes = {"", "7 3", "2 3", "8 3 2 3"};

// Returns the colour at `position` (0 to 1) along the stops, mixed with the fraction `white` of white.
std::string color_between(const std::array<std::array<int, 3>, 9>& stops, double position, double white) {
  const double place = std::clamp(position, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const std::size_t low = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const double t = place - static_cast<double>(low);
  std::array<int, 3> rgb{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double pure = (1 - t) * stops[low][c] + t * stops[low + 1][c];
    rgb[c] = static_cast<int>(std::lround((1 - white) * pure + white * 255));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

}  // namespace

std::string map_color(double position) {
  return color_between(kViridis, 1 - std::clamp(position, 0.0, 1.0), kWhite);
}

std::string diverging_color(double position) {
  return color_between(kBlueToRed, position, 0);
}

LineStyle branch_style(std::size_t index) {
  return {kBranches[index % kBranches.size()], kDashes[index / kBranches.size() % kDashes.size()]};
}

LineStyle average_style(const LineStyle& run) {
  return {run.color, run.dash.empty() ? "12 4" : run.dash + " 12 4"};
}

}  // namespace thalweg

#include "landscape/sample_size.h"

#include <algorithm>
#include <cmath>

namespace thalweg {
namespace {

// The share of the goal that further draws aim for. With it, 1 to 2 rounds are needed, up to 5 for lognormal values;
// without it, 2 and up to 11.
constexpr double kAim = 0.95;

// The n with S^2 (1/n - 1/N) = goal^2, given that n_0 images have S^2 (1/n_0 - 1/N) = error^2.
double images_for(double goal, double error, double drawn, double all) {
  const double spread = error * error / (1 / drawn - 1 / all);
  return std::ceil(1 / (goal * goal / spread + 1 / all));
}

}  // namespace

void draw_to_error(double goal, std::int64_t first, std::int64_t all,
                   const std::function<double(std::int64_t n)>& look) {
  std::int64_t n = std::min(first, all);
  for (double error = look(n); n < all && !(error <= goal); error = look(n)) {
    const double wanted = images_for(kAim * goal, error, static_cast<double>(n), static_cast<double>(all));
    n = wanted < static_cast<double>(all) ? std::max(static_cast<std::int64_t>(wanted), n + 1) : all;
  }
}

}  // namespace thalweg

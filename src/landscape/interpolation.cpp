#include "landscape/interpolation.h"

#include <algorithm>

namespace thalweg {

std::vector<NodeWeight> lagrange_weights(const std::vector<double>& coordinates, const std::vector<std::size_t>& nodes,
                                         double x, std::size_t count) {
  count = std::min(count, nodes.size());
  // The nodes left of x, then the window around x, shifted inwards at the ends.
  const auto right = std::upper_bound(nodes.begin(), nodes.end(), x,
                                      [&](double value, std::size_t node) { return value < coordinates[node]; });
  const auto left = static_cast<std::size_t>(right - nodes.begin());
  const std::size_t half = count / 2;
  const std::size_t first = std::min(left > half ? left - half : 0, nodes.size() - count);
  std::vector<NodeWeight> weights(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double here = coordinates[nodes[first + k]];
    double weight = 1;
    for (std::size_t j = 0; j < count; ++j) {
      if (j == k) continue;
      const double other = coordinates[nodes[first + j]];
      weight *= (x - other) / (here - other);
    }
    weights[k] = {nodes[first + k], weight};
  }
  return weights;
}

}  // namespace thalweg

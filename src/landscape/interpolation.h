// Polynomial interpolation between the nodes of a coarse grid that is part of a fine one.
#pragma once

#include <cstddef>
#include <vector>

namespace thalweg {

struct NodeWeight {
  std::size_t node = 0;  // index among the fine coordinates
  double weight = 0;
};
// The weights of Lagrange's polynomial through the `count` nodes around x (equally many on each side if possible; all
// nodes if there are fewer), whose value at x is the sum of weight * value at node. At a node, its weight is 1 and all
// others are 0.
std::vector<NodeWeight> lagrange_weights(const std::vector<double>& coordinates, const std::vector<std::size_t>& nodes,
                                         double x, std::size_t count);

}  // namespace thalweg

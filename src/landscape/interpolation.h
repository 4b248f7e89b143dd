// Polynomial interpolation between the nodes of a coarse grid that is part of a fine one.
#pragma once

#include <cstddef>
#include <vector>

namespace thalweg {

struct NodeWeight {
  std::size_t node = 0;  // index among the fine coordinates
  double weight = 0;
};
// Lagrange's polynomial through the `count` nodes around x (as many on each side as there are; fewer nodes: all of
// them): sum of weight * value at node. At a node its weight is 1 and all others 0.
std::vector<NodeWeight> lagrange_weights(const std::vector<double>& coordinates, const std::vector<std::size_t>& nodes,
                                         double x, std::size_t count);

}  // namespace thalweg

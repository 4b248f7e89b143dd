// The nodes of an adaptive map: points of a coarse grid that is part of the fine one, with every image's losses, and
// bicubic interpolation between them.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "landscape/grid.h"
#include "landscape/kept_images.h"

namespace thalweg {

// Of a split, over all images.
struct NodeMeans {
  double loss = 0;      // nats
  double accuracy = 0;  // percent
};

struct GridNode {
  std::vector<KeptImages> splits;
  std::vector<NodeMeans> means;  // by split
};

// The nodes around a point with their weights; they live as long as the grid of nodes.
using Neighbours = std::vector<std::pair<const GridNode*, double>>;

class NodeGrid {
 public:
  struct Spacing {
    std::size_t x = 1, y = 1;  // grid points from node to node
    Spacing half() const;
  };
  // Keeps a reference to the grid.
  explicit NodeGrid(const Grid& grid) : grid_(grid) {}

  Spacing coarsest() const;
  // Grid points of the nodes at a spacing.
  std::vector<std::size_t> points(Spacing spacing) const;

  bool has(std::size_t point) const { return nodes_.count(point) != 0; }
  void add(std::size_t point, GridNode node) { nodes_[point] = std::move(node); }
  const std::map<std::size_t, GridNode>& all() const { return nodes_; }  // by grid point
  // Whose nodes are all there: `around` goes by it.
  void set_spacing(Spacing spacing) { spacing_ = spacing; }
  Spacing spacing() const { return spacing_; }

  // The 4 x 4 nodes around a grid point, fewer where there are fewer.
  Neighbours around(std::size_t point) const;

 private:
  const Grid& grid_;
  Spacing spacing_;
  std::map<std::size_t, GridNode> nodes_;
};

// Means over all images of what interpolation guesses; not finite where a node's loss is not.
NodeMeans interpolate(const Neighbours& around, std::size_t split);

}  // namespace thalweg

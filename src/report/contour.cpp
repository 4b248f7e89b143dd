#include "report/contour.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "base/error.h"

namespace thalweg {
namespace {

// A vertex is a grid node or a crossing on a grid edge. Its number is unique; lines are joined by it.
using Vertex = std::uint64_t;
struct Edge {
  Vertex from = 0;
  Vertex to = 0;
  bool inside = false;  // crosses a cell (part of the level line) instead of running along a grid edge
};

// Collects the part of each cell that is at or above the level, as directed edges with that part on the left.
class RegionTracer {
 public:
  RegionTracer(const GridView& grid, double level) : grid_(grid), level_(level), nx_(grid.x.size()) {
    check(grid.values.size() == nx_ * grid.y.size(), "a grid of {} x {} points needs {} values, got {}", nx_,
          grid.y.size(), nx_ * grid.y.size(), grid.values.size());
    for (std::size_t j = 0; j + 1 < grid.y.size(); ++j) {
      for (std::size_t i = 0; i + 1 < nx_; ++i) add_cell(i, j);
    }
  }

  std::vector<Polyline> lines() const {
    std::vector<Edge> inside;
    std::copy_if(edges_.begin(), edges_.end(), std::back_inserter(inside), [](const Edge& e) { return e.inside; });
    return join(inside);
  }

  // A piece of a grid edge shared by two cells occurs twice, in opposite directions; it is not part of the outline.
  std::vector<Polyline> outlines() const {
    std::map<std::pair<Vertex, Vertex>, bool> along;
    for (const Edge& e : edges_) {
      if (!e.inside) along[{e.from, e.to}] = true;
    }
    std::vector<Edge> outer;
    for (const Edge& e : edges_) {
      if (e.inside || along.count({e.to, e.from}) == 0) outer.push_back(e);
    }
    return join(outer);
  }

 private:
  double value(std::size_t i, std::size_t j) const { return grid_.values[j * nx_ + i]; }
  Vertex node(std::size_t i, std::size_t j) const { return 3 * static_cast<Vertex>(j * nx_ + i); }

  // The crossing between neighbouring nodes, numbered from the lower or left one: +1 along x, +2 along y.
  Vertex crossing(Vertex a, Vertex b) const {
    const Vertex low = std::min(a, b);
    return low + (std::max(a, b) - low == 3 ? 1 : 2);
  }

  Point2 position(Vertex v) const {
    const std::size_t index = static_cast<std::size_t>(v / 3), i = index % nx_, j = index / nx_;
    if (v % 3 == 0) return {grid_.x[i], grid_.y[j]};
    const std::size_t i2 = i + (v % 3 == 1 ? 1 : 0), j2 = j + (v % 3 == 2 ? 1 : 0);
    const double a = value(i, j), b = value(i2, j2), t = (level_ - a) / (b - a);
    return {grid_.x[i] + t * (grid_.x[i2] - grid_.x[i]), grid_.y[j] + t * (grid_.y[j2] - grid_.y[j])};
  }

  void add_cell(std::size_t i, std::size_t j) {
    const Vertex corners[4] = {node(i, j), node(i + 1, j), node(i + 1, j + 1), node(i, j + 1)};
    const double values[4] = {value(i, j), value(i + 1, j), value(i + 1, j + 1), value(i, j + 1)};
    bool above[4];
    double sum = 0;
    for (int k = 0; k < 4; ++k) {
      if (!std::isfinite(values[k])) return;
      above[k] = values[k] >= level_;
      sum += values[k] / 4;
    }
    if (above[0] == above[2] && above[1] == above[3] && above[0] != above[1] && sum < level_) {
      for (int k = above[0] ? 0 : 1; k < 4; k += 2) {  // two separate corners
        const Vertex corner[3] = {crossing(corners[(k + 3) % 4], corners[k]), corners[k],
                                  crossing(corners[k], corners[(k + 1) % 4])};
        add_polygon({corner[0], corner[1], corner[2]});
      }
      return;
    }
    std::vector<Vertex> polygon;
    for (int k = 0; k < 4; ++k) {
      const int next = (k + 1) % 4;
      if (above[k]) polygon.push_back(corners[k]);
      if (above[k] != above[next]) polygon.push_back(crossing(corners[k], corners[next]));
    }
    add_polygon(polygon);
  }

  // Two consecutive crossings are joined through the cell; any other pair lies along a grid edge.
  void add_polygon(const std::vector<Vertex>& polygon) {
    for (std::size_t k = 0; k < polygon.size(); ++k) {
      const Vertex from = polygon[k], to = polygon[(k + 1) % polygon.size()];
      edges_.push_back({from, to, from % 3 != 0 && to % 3 != 0});
    }
  }

  std::vector<Polyline> join(const std::vector<Edge>& edges) const {
    std::unordered_multimap<Vertex, std::size_t> starting;
    std::unordered_map<Vertex, int> arrivals;
    for (std::size_t k = edges.size(); k-- > 0;) starting.emplace(edges[k].from, k);
    for (const Edge& e : edges) ++arrivals[e.to];
    std::vector<bool> used(edges.size(), false);
    std::vector<Polyline> lines;
    const auto trace = [&](std::size_t first) {
      Polyline line;
      const Vertex begin = edges[first].from;
      line.points.push_back(position(begin));
      for (std::size_t k = first; k < edges.size();) {
        used[k] = true;
        const Vertex end = edges[k].to;
        line.closed = end == begin;
        if (line.closed) break;
        line.points.push_back(position(end));
        k = next_edge(starting, used, end, edges.size());
      }
      lines.push_back(std::move(line));
    };
    for (std::size_t k = 0; k < edges.size(); ++k) {  // first open lines, from their beginnings, then rings
      if (!used[k] && arrivals.count(edges[k].from) == 0) trace(k);
    }
    for (std::size_t k = 0; k < edges.size(); ++k) {
      if (!used[k]) trace(k);
    }
    return lines;
  }

  static std::size_t next_edge(const std::unordered_multimap<Vertex, std::size_t>& starting,
                               const std::vector<bool>& used, Vertex at, std::size_t none) {
    std::size_t best = none;  // two rings may touch at a node: take the first in grid order, not in hash order
    const auto [begin, end] = starting.equal_range(at);
    for (auto it = begin; it != end; ++it) {
      if (!used[it->second]) best = std::min(best, it->second);
    }
    return best;
  }

  const GridView& grid_;
  double level_;
  std::size_t nx_;
  std::vector<Edge> edges_;
};

}  // namespace

std::vector<Polyline> iso_lines(const GridView& grid, double level) {
  return RegionTracer(grid, level).lines();
}

std::vector<Polyline> region_outlines(const GridView& grid, double level) {
  return RegionTracer(grid, level).outlines();
}

}  // namespace thalweg

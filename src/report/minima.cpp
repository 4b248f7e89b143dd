#include "report/minima.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "report/map_plane.h"
#include "report/map_values.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

bool is_end(const std::vector<double>& axis, double at) {
  return axis.size() > 1 && (at == axis.front() || at == axis.back());
}

bool on_edge(const Surface& s, const SurfaceMinimum& m) {
  return is_end(s.x, m.x) || is_end(s.y, m.y);
}

// Returns the seeds of the runs whose paths are on the map; one empty name if runs have no seed.
std::set<std::string> seeds_of(const Surface& surface) {
  std::set<std::string> seeds;
  for (const PathPoint& point : surface.path) seeds.insert(split_run_name(point.run).seed);
  return seeds;
}

// Returns the seed of the path that comes closest to the minimum.
std::string nearest_seed(const Surface& surface, const SurfaceMinimum& m) {
  const auto distance = [&](const PathPoint& p) { return std::hypot(p.x - m.x, p.y - m.y); };
  const auto nearest =
      std::min_element(surface.path.begin(), surface.path.end(),
                       [&](const PathPoint& a, const PathPoint& b) { return distance(a) < distance(b); });
  return split_run_name(nearest->run).seed;
}

}  // namespace

Minima find_minima(const Surface& surface) {
  Minima m;
  m.train = surface_minimum(surface, "train_loss");
  m.test = surface_minimum(surface, "test_loss");
  if (m.train && m.test) m.distance = std::hypot(m.train->x - m.test->x, m.train->y - m.test->y);
  m.test_on_edge = m.test && on_edge(surface, *m.test);
  m.on_edge = m.test_on_edge || (m.train && on_edge(surface, *m.train));
  return m;
}

std::string minima_sentence(const Surface& surface) {
  const Minima m = find_minima(surface);
  const std::string test_loss = test_loss_name(surface);
  const auto place = [](const SurfaceMinimum& at) {
    return fmt::format("{:.4g} at ({:.4g}, {:.4g})", at.value, at.x, at.y);
  };
  std::string text;
  if (m.train && m.test && *m.distance == 0) {
    text = fmt::format(
        "On the map, the train loss ({:.4g}) and the {} ({:.4g}) have their minima at the same grid point, ({:.4g}, "
        "{:.4g}).",
        m.train->value, test_loss, m.test->value, m.train->x, m.train->y);
  } else if (m.train && m.test && seeds_of(surface).size() > 1) {
    text = fmt::format(
        "On the map of the paths of {} seeds, the minimum of the train loss, {}, is nearest to a path of seed {}, and "
        "the minimum of the {}, {}, is nearest to a path of seed {}.",
        seeds_of(surface).size(), place(*m.train), nearest_seed(surface, *m.train), test_loss, place(*m.test),
        nearest_seed(surface, *m.test));
  } else if (m.train && m.test) {
    text = fmt::format(
        "On the map, the minimum of the train loss is {}, and the minimum of the {} is {}; the two are {:.4g} apart "
        "{}.",
        place(*m.train), test_loss, place(*m.test), *m.distance, distance_unit(surface));
  } else if (m.train || m.test) {
    text = fmt::format("On the map, the minimum of the {} is {}.", m.train ? "train loss" : test_loss,
                       place(m.train ? *m.train : *m.test));
  }
  if (m.on_edge) text += " A minimum lies on the border of the map: there may be a lower value outside.";
  return text;
}

}  // namespace thalweg

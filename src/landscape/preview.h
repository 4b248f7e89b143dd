// What an unfinished map shows at points that are not evaluated yet.
//
// Maps are evaluated from the coarse levels of their grid to the fine ones (level_grid.h), and missing points are
// interpolated from the finest level that is complete. Before that, the points of the first level are estimated from a
// small sample of the images: with a large network on a CPU, all images of a few points take long. None of these values
// enters the journal or the finished map.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "landscape/level_grid.h"
#include "landscape/point_evaluator.h"
#include "landscape/surface.h"

namespace thalweg {

class MapRun;

class Preview {
 public:
  // `names` are those of the values to fill in: summary_names (split_summary.h) of each split. The levels must outlive
  // this object.
  Preview(const LevelGrid& levels, std::vector<std::string> names) : levels_(levels), names_(std::move(names)) {}

  // Estimates the points of the first level that the journal lacks, with batch norm's statistics from few images too.
  // Does nothing if that would take more than a hundredth of the map's work (for maps that decide on the way how many
  // images they take: of an exact map's), on a GPU, or with batch norm's mode "batch". Throws Stopped after a signal.
  void estimate(const PointEvaluator::Source& source, MapRun& run);
  // Sets "cell" and the named values at missing points, as far as they can be estimated or interpolated.
  void fill(Surface& surface) const;

 private:
  const LevelGrid& levels_;
  std::vector<std::string> names_;
  std::map<std::size_t, std::vector<double>> estimates_;  // of the first level's points; values in the order of names_
};

}  // namespace thalweg

// Evaluates points of a plane: per-image losses of each split at w(x, y), with batch norm as configured.
//
// float32, and bfloat16 on a CPU, take the plain path (landscape/plain_points.h). float16, and bfloat16 on a GPU, go
// through an engine (landscape/point_engine.h); points that overflow there are evaluated again on the plain path in
// float32. In one map, the same point gives the same bits whatever else is evaluated with it, unless memory runs out in
// between; and an image's values do not depend on which other images are evaluated, up to the network's own arithmetic
// for batches of another size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "landscape/config.h"
#include "landscape/map_conv_plans.h"
#include "landscape/plain_points.h"
#include "landscape/point_engine.h"
#include "landscape/point_values.h"
#include "nn/graph.h"
#include "trajectory/plane.h"

namespace thalweg {

class PointEvaluator {
 public:
  struct Source {
    const Plane& plane;
    const Graph& graph;
    const DataSet& data;
    c10::Device device;
    std::filesystem::path plans = {};  // file of the engine's choices (landscape/map_conv_plans.h); empty: none
    double points = 0;                 // of the map; 0: a few, for which no preparation pays off
  };
  // `type` is that of weights and activations. The source's graph must outlive this object.
  PointEvaluator(const Source& source, const LandscapeConfig& config, at::ScalarType type);
  PointEvaluator(const PointEvaluator&) = delete;
  PointEvaluator& operator=(const PointEvaluator&) = delete;

  const std::vector<LandscapeSplit>& splits() const { return splits_; }
  std::int64_t images_per_point() const;
  // The number of additional images from which batch-norm statistics are measured anew at each point; 0 if they are
  // not.
  std::int64_t statistics_images() const { return plain_->statistics_images(); }
  const Program& program() const { return plain_->program(); }
  // See PlainPoints::shared_macs.
  std::int64_t shared_macs() const { return plain_->shared_macs(); }

  // The present number of images per forward pass, which is smaller than initially if memory has run out.
  std::int64_t chunk() const { return engine_ ? engine_->batching().chunk : plain_->chunk(); }
  // The number of points to prepare at once.
  std::size_t points_at_once() const;
  // Sets the points that `use` then chooses from, in this order. `ahead` promises that all images of all splits of each
  // point will be requested: an engine then evaluates points before they are chosen, otherwise it only makes their
  // weights.
  void prepare(const std::vector<PlaneCoordinates>& points, bool ahead = false);
  void use(std::size_t point);

  // Evaluate, at the chosen point, all images of one of `splits` or those named (which batch norm's mode `batch` does
  // not allow).
  ImageLosses evaluate(const LandscapeSplit& split);
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images);
  // The batch-norm statistics at the chosen point.
  at::Tensor buffers() const;

  // Whether values may come from float32 although another type was requested, which is possible with an engine.
  bool may_fall_back() const { return by_engine_; }
  // Whether the chosen point's values do: the type was too narrow there, or the engine did not start.
  bool fell_back() const { return fell_back_ || (by_engine_ && !engine_); }
  // How points are evaluated for which an engine is meant: {"path": "graphs" (on a GPU), "twin" (on a CPU) or "plain"
  // (the engine did not start), ...}; null if no engine is meant.
  nlohmann::json path() const;

 private:
  void add_split(const std::string& name, const ImageSet& set, const Normalisation& norm, std::int64_t count);
  void start_engine(const Source& source, const PointEngine::Source& engine);
  template <typename Engine, typename Plain>
  ImageLosses evaluate_by(const Engine& by_engine, const Plain& plainly);
  std::size_t number_of(const LandscapeSplit& split) const;

  c10::Device device_;
  bool by_engine_;
  std::vector<LandscapeSplit> splits_;
  std::unique_ptr<PlainPoints> plain_;
  std::unique_ptr<MapConvPlans> plans_;   // the engine's, on a GPU
  std::unique_ptr<PointEngine> engine_;   // null without an engine
  std::string reason_;                    // why the engine did not start
  std::vector<PlaneCoordinates> points_;  // the prepared ones
  std::size_t used_ = 0;
  bool fell_back_ = false;  // of the chosen point; set by evaluate
};

// The number of images that a map evaluates at a point: all, or those of its sample. With `stderr`, which decides as it
// goes, all.
double images_at_point(const LandscapeConfig& config, const PointEvaluator& evaluator);

// Whether evaluation in this type on this device goes through an engine.
bool takes_engine(at::ScalarType type, c10::Device device);

}  // namespace thalweg

// Evaluates points of a plane: per-image losses of each split at w(x, y), batch norm as the configuration says.
//
// float32, and bfloat16 on a CPU, go the plain way (landscape/plain_points.h); float16, and bfloat16 on a GPU, through
// an engine (landscape/point_engine.h), and points that overflow there once more the plain way in float32. The same
// point gives the same bits whatever else is evaluated with it, and an image's values do not depend on which other
// images are evaluated, up to the network's own arithmetic for batches of another size.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "landscape/config.h"
#include "landscape/map_plans.h"
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
    std::filesystem::path plans = {};  // file of the engine's choices (landscape/map_plans.h); empty: not kept
    double points = 0;                 // that will be evaluated on all images: many make a search worth its time
  };
  // `type`: of weights and activations. Keeps a reference to the source's graph.
  PointEvaluator(const Source& source, const LandscapeConfig& config, at::ScalarType type);
  PointEvaluator(const PointEvaluator&) = delete;
  PointEvaluator& operator=(const PointEvaluator&) = delete;

  const std::vector<LandscapeSplit>& splits() const { return splits_; }
  std::int64_t images_per_point() const;
  // Beside those: from which batch norm's statistics are taken anew at each point; 0 if they are not.
  std::int64_t statistics_images() const { return plain_->statistics_images(); }
  const Program& program() const { return plain_->program(); }

  // Images that a forward pass takes, as it is now: memory may have asked for less.
  std::int64_t chunk() const { return engine_ ? engine_->batching().chunk : plain_->chunk(); }
  // Points to prepare at once.
  std::size_t points_at_once() const;
  // Names points that `use` then chooses from, in this order. With `ahead`, all images of all splits of each will be
  // asked for: an engine then evaluates points before they are chosen, else it makes no more than their weights.
  void prepare(const std::vector<PlaneCoordinates>& points, bool ahead = false);
  void use(std::size_t point);

  // Of the chosen point: all images of a split, or those named (not with batch norm's mode `batch`).
  ImageLosses evaluate(const LandscapeSplit& split) const;
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images) const;
  // Batch norm's statistics at the chosen point.
  at::Tensor buffers() const;

  // Whether values may be float32's where another type was asked for: with an engine.
  bool may_fall_back() const { return by_engine_; }
  // Whether those of the chosen point are: its type was too narrow there, or the engine did not start.
  bool fell_back() const { return fell_back_ || (by_engine_ && !engine_); }
  // How points are evaluated that an engine should evaluate: {"path": "graphs" (on a GPU), "twin" (on a CPU) or "plain"
  // (it did not start), ...}; null where there should be no engine.
  nlohmann::json path() const;

 private:
  void add_split(const std::string& name, const ImageSet& set, const Normalisation& norm, std::int64_t count);
  void start_engine(const Source& source, const PointEngine::Source& engine);
  template <typename Engine, typename Plain>
  ImageLosses evaluate_by(const Engine& by_engine, const Plain& plainly) const;
  std::size_t number_of(const LandscapeSplit& split) const;

  c10::Device device_;
  bool by_engine_;
  std::vector<LandscapeSplit> splits_;
  std::unique_ptr<PlainPoints> plain_;
  std::unique_ptr<MapPlans> plans_;       // of the engine, on a GPU
  std::unique_ptr<PointEngine> engine_;   // or null
  std::string reason_;                    // why there is none where there should be one
  std::vector<PlaneCoordinates> points_;  // the prepared ones
  std::size_t used_ = 0;
  mutable bool fell_back_ = false;  // of the used point, as evaluate finds out
};

// Whether this type on this device goes through an engine.
bool takes_engine(at::ScalarType type, c10::Device device);

}  // namespace thalweg

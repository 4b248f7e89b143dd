// Evaluates points of a plane in float16 or bfloat16, several in flight (landscape/point_lane.h): images are resident
// in the first layer's layout and type, weights are made and folded in that type, and convolutions run by fixed plans
// (kernels/conv_plan.h). Made for a GPU. On a CPU the same steps run one after the other in plain arithmetic, which
// tests use.
//
// If memory runs out, the engine continues with fewer points in flight, then with smaller chunks of images. A point's
// values depend only on the chunk's plans, not on the lanes or on other points. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "landscape/batching.h"
#include "landscape/point_lane.h"

namespace thalweg {

class PointEngine {
 public:
  // The inputs; the references must outlive the engine.
  struct Source {
    const Graph& graph;
    PlaneVectors plane;        // on the device
    at::Tensor plane_buffers;  // float32 [num_buffers] on the device
    at::Tensor bn_images;      // see LaneSource
    const std::vector<LandscapeSplit>& splits;
    c10::Device device;
    at::ScalarType type;
    bool small_batches = false;  // see LaneSource
  };
  // `plans` must be for the device and outlive this object; nullptr: convolutions go through ATen.
  PointEngine(const Source& source, ConvPlans* plans, const Batching& batching);

  // Announces the points that are requested next, in this order: weights and batch-norm statistics of later points are
  // made ahead of time. With `ahead`, all images of all splits of each point will be requested, and are evaluated ahead
  // of time.
  void expect(const std::vector<PlaneCoordinates>& points, bool ahead);

  // Evaluate, at point number `point` of the announced ones, all images of a split or those named; wait for the
  // results.
  PointValues all(std::size_t point, std::size_t split);
  PointValues some(std::size_t point, std::size_t split, const std::vector<std::int64_t>& images);
  // The batch-norm statistics at a point, float32 [num_buffers].
  at::Tensor buffers(std::size_t point);

  // The present batching, which is smaller than the constructor's if memory has run out.
  const Batching& batching() const { return batching_; }
  // Why a convolution was not run by a plan; empty if all were.
  std::string refusal() const;

 private:
  struct Lane {
    std::unique_ptr<PointLane> lane;
    std::optional<std::size_t> point;  // index of the announced point that the lane holds
  };
  void build(const Batching& batching);
  void release();
  PointLane& lane_with(std::size_t point);
  void begin_from(std::size_t point);
  void within_memory(const std::function<void()>& work);

  Source source_;
  Program program_;
  PlaneMaterialiser plane_;
  ConvPlans* plans_;
  Batching batching_;
  std::vector<PlaneCoordinates> points_;
  bool ahead_ = false;
  std::optional<Batching> built_;  // the batching that the members below were built for
  std::unique_ptr<LaneSource> lane_source_;
  std::deque<Lane> lanes_;
};

// Plans for the current GPU, with nothing chosen yet. Throws Error if cuDNN does not start.
ConvPlans start_plans(const ConvPlanOptions& options);

// Finds the fastest batching for this source, measured on whole points at the plane's origin with the plans that
// cuDNN's heuristics rank first. Takes some seconds. On a CPU nothing is measured: default_chunk (nn/images.h), one
// lane.
Batching search_batching(const PointEngine::Source& source);

}  // namespace thalweg

// Evaluates points of a plane in float16 or bfloat16, several in flight (landscape/point_lane.h): images resident in
// the first layer's layout and type, weights made and folded in the type, convolutions by plans that stay
// (kernels/conv_plan.h). Made for a GPU. On a CPU the same steps run one after the other by plain arithmetic, which
// tests use.
//
// Where memory runs out the work goes on with fewer points in flight, then smaller chunks of images. A point's values
// depend on the chunk's plans alone, neither on the lanes nor on other points. Not thread-safe.
#pragma once

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
  // What it reads; the references must outlive it.
  struct Source {
    const Graph& graph;
    PlaneVectors plane;        // on the device
    at::Tensor plane_buffers;  // float32 [num_buffers] on the device
    at::Tensor bn_images;      // as LaneSource
    const std::vector<LandscapeSplit>& splits;
    c10::Device device;
    at::ScalarType type;
    bool small_batches = false;  // as LaneSource
  };
  // `plans`: of the device, must outlive this; nullptr: convolutions go through ATen.
  PointEngine(const Source& source, ConvPlans* plans, const Batching& batching);

  // The points that are asked for next, in this order: weights and batch norm's statistics of later ones are made
  // before. With `ahead`, all images of all splits of each of them will be, and are begun before.
  void expect(const std::vector<PlaneCoordinates>& points, bool ahead);

  // Of point number `point` of those: all images of a split, or those named. Waits for them.
  PointValues all(std::size_t point, std::size_t split);
  PointValues some(std::size_t point, std::size_t split, const std::vector<std::int64_t>& images);
  // Batch norm's statistics there, float32 [num_buffers].
  at::Tensor buffers(std::size_t point);

  // As it is now: memory may have asked for less than it was made with.
  const Batching& batching() const { return batching_; }
  // Why a convolution was not run by a plan; empty where all were.
  std::string refusal() const;

 private:
  struct Lane {
    std::unique_ptr<PointLane> lane;
    std::optional<std::size_t> point;  // which of the expected it holds
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
  std::optional<Batching> built_;  // what the members below are for
  std::unique_ptr<LaneSource> lane_source_;
  std::deque<Lane> lanes_;
};

// Plans of the current GPU, nothing chosen yet. Throws Error where cuDNN does not start.
ConvPlans start_plans(const ConvPlanOptions& options);

// Which batching is fastest for this source, measured on whole points at the plane's origin with the plans that cuDNN's
// heuristics name first. Takes some seconds. On a CPU nothing is measured: default_chunk (nn/images.h), one lane.
Batching search_batching(const PointEngine::Source& source);

}  // namespace thalweg

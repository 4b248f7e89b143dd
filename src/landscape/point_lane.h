// One point in flight: its weights, made and folded in the evaluation's type, and its images' losses. On a GPU all of
// it goes to a stream of the lane's own, as captured CUDA graphs that are replayed for every point, and the host waits
// only where it reads results. Several lanes side by side keep the GPU busy while the host looks at one.
//
// Not thread-safe. Determinism: a point's values depend on neither the lane nor what other lanes do.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "landscape/point_values.h"
#include "nn/captured_work.h"
#include "nn/evaluator.h"
#include "nn/materialise.h"
#include "nn/norm_statistics.h"

namespace thalweg {

// What all lanes read. Must outlive them.
struct LaneSource {
  const Graph& graph;
  const Program& program;
  const PlaneMaterialiser& plane;  // of the program
  const std::vector<LandscapeSplit>& splits;
  std::vector<at::Tensor> resident;  // by split: all images as the first layer takes them, whole chunks of them
  at::Tensor plane_buffers;          // float32 [num_buffers] on the device
  at::Tensor bn_images;              // whose statistics are taken at each point; undefined: those of the plane
  c10::Device device;
  at::ScalarType type;  // at::kHalf or at::kBFloat16
  std::int64_t chunk = 0;
  bool small_batches = false;  // named images come in smaller batches than a chunk, too, which have plans of their own
  ConvPlans* plans = nullptr;
};

class PointLane {
 public:
  explicit PointLane(const LaneSource& source);
  ~PointLane();
  PointLane(const PointLane&) = delete;
  PointLane& operator=(const PointLane&) = delete;

  // Makes the weights of a point. What was not read of the one before is lost.
  void begin(const PlaneCoordinates& point);
  // Evaluates all images of a split, unless that has begun.
  void start(std::size_t split);
  // Waits for that, and starts it where it has not begun.
  PointValues all(std::size_t split);
  // Those of a split that are named, at once.
  PointValues some(std::size_t split, const std::vector<std::int64_t>& images);
  // A copy of batch norm's statistics at the point, float32 [num_buffers]. Waits for them.
  at::Tensor buffers() const;
  // Why a convolution was not run by a plan; empty where all were.
  const std::string& refusal() const { return refusal_.empty() ? evaluator_.refusal() : refusal_; }

 private:
  struct Results {
    ImageValues values;     // on the device
    ImageValues host;       // pinned; the same on a CPU
    at::Tensor overflowed;  // int32 scalar on the host, as it was when the values were ready
    bool started = false;
  };
  class OnStream;
  void make_weights();
  at::Tensor measure_statistics();
  void evaluate_split(std::size_t split);
  void evaluate_named(std::size_t split, std::int64_t count);
  void fetch(Results& results, std::int64_t count);
  void wait() const;
  Results make_results(std::int64_t count) const;

  const LaneSource& source_;
  Evaluator evaluator_;
  std::optional<NormStatistics> statistics_;
  std::string refusal_;           // of the statistics' convolutions
  at::Tensor coordinates_;        // float32 [1, 2] on the device
  at::Tensor host_coordinates_;   // pinned
  at::Tensor folded_;             // [1, folded_size] of the type
  at::Tensor buffers_;            // float32 [num_buffers]
  at::Tensor overflowed_;         // int32 [1]
  std::vector<Results> results_;  // by split
  Results named_;                 // of `some`
  at::Tensor indices_;            // int64 [chunk] on the device
  struct Stream;
  std::unique_ptr<Stream> stream_;  // null on a CPU
  CapturedWork graphs_;
};

}  // namespace thalweg

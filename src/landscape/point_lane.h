// One point in flight: its weights, made and folded in the evaluation's type, and its images' losses. On a GPU all work
// goes to the lane's own stream, as captured CUDA graphs that are replayed for every point, and the host waits only
// when it reads results. Several lanes side by side keep the GPU busy while the host reads the results of one.
//
// Not thread-safe. A point's values depend neither on the lane nor on what other lanes do.
#pragma once

#include <cstdint>
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

// The inputs of all lanes, which must outlive them.
struct LaneSource {
  const Graph& graph;
  const Program& program;
  const PlaneMaterialiser& plane;  // for `program`
  const std::vector<LandscapeSplit>& splits;
  std::vector<at::Tensor> resident;  // by split: all images in the first layer's layout, padded to whole chunks
  at::Tensor plane_buffers;          // float32 [num_buffers] on the device
  at::Tensor bn_images;              // measured at each point for batch norm; undefined: plane's statistics
  c10::Device device;
  at::ScalarType type;  // at::kHalf or at::kBFloat16
  std::int64_t chunk = 0;
  bool small_batches = false;  // named images also run in batches smaller than a chunk, with their own plans
  ConvPlans* plans = nullptr;
};

class PointLane {
 public:
  explicit PointLane(const LaneSource& source);
  ~PointLane();
  PointLane(const PointLane&) = delete;
  PointLane& operator=(const PointLane&) = delete;

  // Makes the weights of a point. Discards unread results of the point before.
  void begin(const PlaneCoordinates& point);
  // Starts the evaluation of all images of a split, unless it has been started.
  void start(std::size_t split);
  // Waits for the evaluation of all images of a split, starting it if necessary.
  PointValues all(std::size_t split);
  // Evaluates the named images of a split and waits for the results.
  PointValues some(std::size_t split, const std::vector<std::int64_t>& images);
  // Returns a copy of the batch-norm statistics at the point, float32 [num_buffers]. Waits for them.
  at::Tensor buffers() const;
  // Why a convolution was not run by a plan; empty if all were.
  const std::string& refusal() const { return refusal_.empty() ? evaluator_.refusal() : refusal_; }

 private:
  struct Results {
    ImageValues values;     // on the device
    ImageValues host;       // pinned; the same on a CPU
    at::Tensor overflowed;  // int32 [1] on the host, as of the time of the values
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

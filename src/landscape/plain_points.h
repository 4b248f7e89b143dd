// Evaluates points of a plane one after the other: in float32 on any device, the reference for all else, and in
// bfloat16 on a CPU. Batch norm as the configuration says.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "landscape/batching.h"
#include "landscape/config.h"
#include "landscape/point_values.h"
#include "nn/evaluator.h"
#include "nn/materialise.h"
#include "nn/norm_statistics.h"

namespace thalweg {

class PlainPoints {
 public:
  struct Source {
    const Graph& graph;
    PlaneVectors plane;        // on the device
    at::Tensor plane_buffers;  // float32 [num_buffers] on the device
    at::Tensor bn_images;      // of the type, whose statistics are taken at each point; undefined: the plane's are used
    c10::Device device;
    at::ScalarType type;
  };
  // Keeps a reference to the source's graph.
  PlainPoints(const Source& source, const LandscapeConfig& config);

  const Program& program() const { return evaluator_.program(); }
  // From which batch norm's statistics are taken anew at each point; 0 if they are not.
  std::int64_t statistics_images() const { return source_.bn_images.defined() ? source_.bn_images.size(0) : 0; }
  // Points that are made at once: on a GPU enough to make one launch worthwhile, without holding more than 256 MB, and
  // fewer once memory ran out. Images that a forward pass takes.
  std::size_t points_at_once() const { return static_cast<std::size_t>(batching_.lanes); }
  std::int64_t chunk() const { return batching_.chunk; }
  // Names points, of which `use` then chooses one and makes its weights, unless they were made with those of another.
  void prepare(const std::vector<PlaneCoordinates>& points);
  void use(std::size_t point);

  // Of the chosen point: all images of a split, or those named (not with batch norm's mode `batch`). Where memory runs
  // out, here or in `use`, with fewer points made at once, then in smaller chunks.
  ImageLosses evaluate(const LandscapeSplit& split);
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images);
  // Batch norm's statistics there.
  at::Tensor buffers() const;

 private:
  bool per_batch() const { return config_.bn == BnMode::kBatch && source_.graph.has_batch_norm(); }
  int lanes() const;
  void drop_weights();
  void make_weights(std::int64_t at_once);
  void within_memory(const std::function<void(const Batching&)>& work);
  at::Tensor weights() const;
  Network network(std::int64_t chunk) const;
  ImageLosses evaluate_within_memory(const LandscapeSplit& split, const at::Tensor& indices);

  LandscapeConfig config_;
  Source source_;
  Evaluator evaluator_;
  PlaneMaterialiser plane_;
  NormStatistics statistics_;
  Batching batching_;
  at::Tensor coordinates_;              // float32 [N, 2] of the prepared points
  std::int64_t used_ = 0;               // which of them
  std::int64_t first_ = 0;              // of the B whose weights are made
  at::Tensor buffers_;                  // [num_buffers] or [B, num_buffers]
  at::Tensor folded_;                   // [B, folded_size]
  std::optional<std::int64_t> loaded_;  // which point the evaluator has
};

}  // namespace thalweg

// Evaluates points of a plane one after the other: in float32 on any device, the reference for all else, and in
// bfloat16 on a CPU. Batch norm as the configuration says.
#pragma once

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
  // Points that are made at once: on a GPU enough to make one launch worthwhile, without holding more than 256 MB.
  std::size_t points_at_once() const;
  // Makes the weights of these points; `use` then chooses one of them.
  void prepare(const std::vector<PlanePoint2>& points);
  void use(std::size_t point);

  // Of the chosen point: all images of a split, or those named (not with batch norm's mode `batch`). Where memory runs
  // out, in smaller chunks.
  ImageLosses evaluate(const LandscapeSplit& split);
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images);
  // Batch norm's statistics there.
  at::Tensor buffers() const;

 private:
  bool per_batch() const { return config_.bn == BnMode::kBatch && source_.graph.has_batch_norm(); }
  at::Tensor weights() const;
  Network network(std::int64_t chunk) const;
  ImageLosses evaluate_within_memory(const LandscapeSplit& split, const at::Tensor& indices);

  LandscapeConfig config_;
  Source source_;
  Evaluator evaluator_;
  PlaneMaterialiser plane_;
  NormStatistics statistics_;
  Batching batching_;
  at::Tensor coordinates_;  // float32 [B, 2] of the prepared points
  at::Tensor buffers_;      // [num_buffers] or [B, num_buffers]
  at::Tensor folded_;       // [B, folded_size]
  std::int64_t used_ = 0;   // which of them
};

}  // namespace thalweg

// Evaluates points of a plane one after the other: in float32 on any device, which is the reference for everything
// else, and in bfloat16 on a CPU. Batch norm follows the configuration.
//
// The points of a map of an MLP share most of the work of its first layer (nn/first_layer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "landscape/batching.h"
#include "landscape/config.h"
#include "landscape/point_values.h"
#include "nn/evaluator.h"
#include "nn/first_layer.h"
#include "nn/materialise.h"
#include "nn/norm_statistics.h"

namespace thalweg {

class PlainPoints {
 public:
  struct Source {
    const Graph& graph;
    PlaneVectors plane;        // on the device
    at::Tensor plane_buffers;  // float32 [num_buffers] on the device
    at::Tensor bn_images;      // of `type`; measured at each point for batch norm; undefined: plane's statistics
    c10::Device device;
    at::ScalarType type;
    const std::vector<LandscapeSplit>& splits;
    double points = 0;  // of the map; 0: too few for shared work
  };
  // The source's graph must outlive this object.
  PlainPoints(const Source& source, const LandscapeConfig& config);
  PlainPoints(const PlainPoints&) = delete;
  PlainPoints& operator=(const PlainPoints&) = delete;

  const Program& program() const { return evaluator_.program(); }
  // The number of images from which batch-norm statistics are measured anew at each point; 0 if they are not.
  std::int64_t statistics_images() const { return source_.bn_images.defined() ? source_.bn_images.size(0) : 0; }
  // The number of points whose weights are made at once: on a GPU enough to make one launch worthwhile without holding
  // more than 256 MB, and fewer once memory has run out.
  std::size_t points_at_once() const { return static_cast<std::size_t>(batching_.lanes); }
  std::int64_t chunk() const { return batching_.chunk; }
  // The number of multiply-adds of one image at one point that all points share; FirstLayer::kParts times as many are
  // computed once for each image. 0 if nothing is shared.
  std::int64_t shared_macs() const { return first_layer_ ? first_layer_->size().macs() : 0; }
  // Sets the points from which `use` chooses one. `use` makes its weights, unless they were made along with those of
  // another.
  void prepare(const std::vector<PlaneCoordinates>& points);
  void use(std::size_t point);

  // Evaluate, at the chosen point, all images of a split or those named (which batch norm's mode `batch` does not
  // allow). If memory runs out, here or in `use`, they continue without shared work and with fewer points at once, then
  // with smaller chunks.
  ImageLosses evaluate(const LandscapeSplit& split);
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images);
  // The batch-norm statistics at the chosen point.
  at::Tensor buffers() const;

 private:
  bool per_batch() const { return config_.bn == BnMode::kBatch && source_.graph.has_batch_norm(); }
  int lanes() const;
  void drop_weights();
  void make_weights(std::int64_t at_once);
  void within_memory(const std::function<void(const Batching&)>& work);
  at::Tensor weights() const;
  Network network(std::int64_t chunk) const;
  // nullptr: all images.
  using Named = const std::vector<std::int64_t>*;
  ImageLosses evaluate_within_memory(const LandscapeSplit& split, Named images);
  ImageValues evaluate_images_of(const LandscapeSplit& split, Named images, std::int64_t chunk);
  ImageValues evaluate_by_parts(const LandscapeSplit& split, Named images, std::int64_t chunk);

  LandscapeConfig config_;
  Source source_;
  Evaluator evaluator_;
  PlaneMaterialiser plane_;
  NormStatistics statistics_;
  std::optional<FirstLayer> first_layer_;         // empty if points do not share its work
  std::map<std::string, FirstLayerParts> parts_;  // by split
  Batching batching_;
  at::Tensor coordinates_;              // float32 [N, 2] of the prepared points
  std::int64_t used_ = 0;               // index of the chosen point
  std::int64_t first_ = 0;              // index of the first of the B points whose weights are made
  at::Tensor buffers_;                  // [num_buffers] or [B, num_buffers]
  at::Tensor folded_;                   // [B, folded_size]
  std::optional<std::int64_t> loaded_;  // index of the point whose weights the evaluator has loaded
};

}  // namespace thalweg

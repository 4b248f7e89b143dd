// Evaluates points of a plane: per-image losses of each split at w(x, y), batch norm as the configuration says.
//
// The same point gives the same bits whatever else is evaluated with it, and an image's values do not depend on which
// other images are evaluated, up to the network's own arithmetic for batches of another size.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "landscape/config.h"
#include "nn/evaluator.h"
#include "nn/graph.h"
#include "nn/images.h"
#include "nn/materialise.h"
#include "nn/norm_statistics.h"
#include "trajectory/plane.h"

namespace thalweg {

using PlanePoint2 = std::pair<double, double>;  // x, y in units of d1 and d2

struct LandscapeSplit {
  std::string name;  // "train" or "test"
  ImageBatches images;
  std::vector<std::int64_t> labels;  // [N] on the CPU
};

// Of single images, on the CPU, in the order in which they were asked for.
struct ImageLosses {
  std::vector<double> losses;         // nats
  std::vector<std::int32_t> correct;  // 0 or 1
  std::vector<float> margins;         // logit of the label minus the largest other one
};

class PointEvaluator {
 public:
  struct Source {
    const Plane& plane;
    const Graph& graph;
    const DataSet& data;
    c10::Device device;
  };
  // `type`: of weights and activations. Keeps a reference to the source's graph.
  PointEvaluator(const Source& source, const LandscapeConfig& config, at::ScalarType type);

  const std::vector<LandscapeSplit>& splits() const { return splits_; }
  std::int64_t images_per_point() const;
  const Program& program() const { return program_; }

  // Points that are made at once: on a GPU enough to make one launch worthwhile, without holding more than 256 MB.
  std::size_t points_at_once() const;
  // Makes the weights of these points; `use` then chooses one of them.
  void prepare(const std::vector<PlanePoint2>& points);
  void use(std::size_t point);

  // Of the chosen point: all images of a split, or those named (not with batch norm's mode `batch`).
  ImageLosses evaluate(const LandscapeSplit& split) const;
  ImageLosses evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images) const;
  // Unfolded weights of the chosen point, float32 [P], and batch norm's statistics there.
  at::Tensor weights() const;
  at::Tensor buffers() const;

 private:
  bool recompute() const;
  bool per_batch() const;
  void add_split(const std::string& name, const ImageSet& set, const Normalisation& norm, std::int64_t count);
  Network network() const;

  LandscapeConfig config_;
  const Graph& graph_;
  c10::Device device_;
  Program program_;
  Evaluator evaluator_;
  PlaneMaterialiser plane_;
  at::Tensor plane_buffers_;  // [num_buffers], the plane's, on the device
  NormStatistics statistics_;
  at::Tensor bn_images_;  // normalised images whose statistics are taken; recompute only
  std::vector<LandscapeSplit> splits_;
  at::Tensor coordinates_;  // float32 [B, 2] of the prepared points
  at::Tensor buffers_;      // [num_buffers] or [B, num_buffers]
  at::Tensor folded_;       // [B, folded_size]
  std::int64_t used_ = 0;   // which of them
};

}  // namespace thalweg

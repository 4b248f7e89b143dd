// The first layer's outputs at all points of a plane, for networks whose images go straight into a linear layer without
// a batch norm (an MLP).
//
// Such a layer is linear in its weights. At the point (x, y) its output for an image is therefore that of the origin's
// weights, plus x times that of d1's and y times that of d2's. These three parts are computed once for each image; a
// point then costs a few operations per unit instead of a multiply-add per unit and pixel, which are most of an MLP's
// work. In float32 the sum rounds differently than the evaluator's product does.
//
// An image's parts do not depend on the images with which they are computed, provided that a row of a matrix product
// does not depend on the other rows. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/images.h"
#include "nn/materialise.h"
#include "nn/program.h"

namespace thalweg {

class FirstLayer {
 public:
  // The number of steps at the start of the program that the layer is.
  static constexpr std::size_t kSteps = 2;

  // The number of parts of an image's outputs; computing them takes as many multiply-adds as the layer at so many
  // points.
  static constexpr int kParts = 3;

  struct Size {
    std::int64_t inputs = 0;
    std::int64_t units = 0;

    std::int64_t macs() const { return inputs * units; }  // multiply-adds for one image at one point
  };
  // Empty for any other network.
  static std::optional<Size> size_of(const Program& program);
  // `program` must have a size_of().
  FirstLayer(const Program& program, const PlaneVectors& plane);

  const Size& size() const { return size_; }

  // `images` is float32 [n, C, H, W], contiguous, on the plane's device. Returns their parts, float32 [n, kParts *
  // units]: for each image those of the origin, of d1 and of d2.
  at::Tensor parts(const at::Tensor& images) const;
  // Adds parts [n, kParts * units] up to the outputs at a point, float32 [n, units], after the ReLU if there is one.
  at::Tensor sum(const at::Tensor& parts, float x, float y) const;

 private:
  Size size_;
  bool relu_ = false;
  at::Tensor weights_;  // float32 [kParts * units, inputs]
  at::Tensor biases_;   // float32 [kParts * units]
};

// The parts of the images of a split, each made when it is first needed.
class FirstLayerParts {
 public:
  // Memory for all images is reserved at once, but not touched before it is needed. The layer must outlive this object.
  FirstLayerParts(const FirstLayer& layer, const ImageBatches& images);

  // Makes the parts of these images, or of all, unless they have been made.
  void make(const std::vector<std::int64_t>& images);
  void make_all();

  // [N, kParts * units], of which only the parts that were made are defined.
  const at::Tensor& parts() const { return parts_; }

 private:
  const FirstLayer& layer_;
  ImageBatches images_;
  at::Tensor parts_;
  std::vector<bool> is_made_;  // by image
  bool all_made_ = false;
};

}  // namespace thalweg

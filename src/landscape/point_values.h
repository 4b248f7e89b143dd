// The inputs and results of evaluating a point of a plane.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/images.h"

namespace thalweg {

using PlaneCoordinates = std::pair<double, double>;  // x, y in units of d1 and d2

struct LandscapeSplit {
  std::string name;  // "train" or "test"
  ImageBatches images;
  std::vector<std::int64_t> labels;  // [N] on the CPU
};

// The values of single images, on the CPU, in the order in which they were requested.
struct ImageLosses {
  std::vector<double> losses;         // nats
  std::vector<std::int32_t> correct;  // 0 or 1
  std::vector<float> margins;         // logit of the label minus the largest other one
};

struct PointValues {
  ImageLosses images;
  bool overflowed = false;  // the type may be too narrow for this point
};

ImageLosses to_losses(const ImageValues& values);

}  // namespace thalweg

// Losses, margins and right answers of all images of a point, kept for later use: as control of samples, and to
// interpolate between points. As bytes: for each split N float32 losses, N float32 margins, then N bytes, 1 for right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "landscape/point_evaluator.h"

namespace thalweg {

struct KeptImages {
  std::vector<float> losses;          // [N] nats
  std::vector<float> margins;         // [N] logits
  std::vector<std::uint8_t> correct;  // [N]
};

std::string to_bytes(const std::vector<ImageLosses>& splits);
// `sizes`: N of each split. Error if the bytes are of another length.
std::vector<KeptImages> from_bytes(const std::string& bytes, const std::vector<std::int64_t>& sizes);

}  // namespace thalweg

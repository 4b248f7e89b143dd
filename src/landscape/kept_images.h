// Losses, margins and right answers of all images of a point, kept for later use: as the control of samples, for
// interpolation between points, and for exact maps whose surface includes all losses. As bytes: for each split N
// float32 losses, N float32 margins, then N bytes, 1 for a right answer.
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
// `sizes` is the N of each split. Throws Error if the bytes have another length.
std::vector<KeptImages> from_bytes(const std::string& bytes, const std::vector<std::int64_t>& sizes);

// Throws usage Error if the configuration asks for the losses of single images and there are more than a surface can
// hold.
void check_image_losses(const LandscapeConfig& config, std::int64_t images_per_point);

}  // namespace thalweg

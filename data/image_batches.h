// The way from a data set to batches on a device.
#pragma once

#include <c10/core/Device.h>

#include "data/dataset.h"
#include "nn/images.h"

namespace thalweg {

// The images of a split, normalised as `norm` says when a batch is made.
inline ImageBatches on_device(const ImageSet& split, const Normalisation& norm, c10::Device device) {
  return {split.images, split.labels, norm.mean, norm.std, device};
}

}  // namespace thalweg

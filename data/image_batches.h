// Makes batches on a device from a data set.
#pragma once

#include <c10/core/Device.h>

#include "data/dataset.h"
#include "nn/images.h"

namespace thalweg {

// Returns the images of a split, to be normalised by `norm` when a batch is made.
inline ImageBatches on_device(const ImageSet& split, const Normalisation& norm, c10::Device device) {
  return {split.images, split.labels, norm.mean, norm.std, device};
}

}  // namespace thalweg

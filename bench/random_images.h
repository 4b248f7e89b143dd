// Images for benchmarks: random pixels and labels in CIFAR-10's shape, the same in every run.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

#include "nn/images.h"

namespace thalweg {

inline ImageBatches random_images(std::int64_t n, c10::Device device) {
  auto generator = at::detail::createCPUGenerator(1);
  return {at::randint(0, 256, {n, 3, 32, 32}, generator, at::kByte),
          at::randint(0, 10, {n}, generator),
          {0.5, 0.5, 0.5},
          {0.25, 0.25, 0.25},
          device};
}

}  // namespace thalweg

// Loads and stores V adjacent values in one access of up to 16 bytes; the address must be a multiple of its size.
#pragma once

#include <cstdint>

#include "kernels/activation.h"

namespace thalweg {

template <typename T, int V>
struct alignas(sizeof(T) * V) Pack {
  T v[V];
};

template <typename T, int V>
__device__ Pack<T, V> load(const void* data, std::int64_t i) {
  return *reinterpret_cast<const Pack<T, V>*>(static_cast<const T*>(data) + i);
}

template <typename T, int V>
__device__ void save(void* data, std::int64_t i, const float (&values)[V]) {
  Pack<T, V> pack;
  for (int v = 0; v < V; ++v) store(pack.v[v], values[v]);
  *reinterpret_cast<Pack<T, V>*>(static_cast<T*>(data) + i) = pack;
}

}  // namespace thalweg

// All kernels are launched through launch(), which throws a std::runtime_error naming the kernel if CUDA refuses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

// Declares the block's dynamic shared memory, of Geometry::shared bytes, as an array `name`.
#ifdef __CUDACC__
#define THALWEG_DYNAMIC_SHARED(T, name) extern __shared__ __align__(8) T name[]
#else
#define THALWEG_DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(emulation::dynamic_shared())
#endif

namespace thalweg {

struct Geometry {
  dim3 grid;
  dim3 block;
  std::size_t shared = 0;  // bytes of dynamic shared memory per block
};

inline unsigned ceil_divide(std::int64_t n, std::int64_t by) {
  return static_cast<unsigned>((n + by - 1) / by);
}

inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clear it, so that it cannot surface at a later launch
  throw std::runtime_error(std::string("CUDA: ") + what + ": " + cudaGetErrorString(status));
}

template <typename... Parameters, typename... Args>
void launch(const char* name, void (*kernel)(Parameters...), const Geometry& geometry, cudaStream_t stream,
            Args... args) {
  if (geometry.grid.x == 0 || geometry.grid.y == 0 || geometry.grid.z == 0) return;
#ifdef __CUDACC__
  kernel<<<geometry.grid, geometry.block, geometry.shared, stream>>>(args...);
#else  // tests/emulation
  (void)stream;
  emulation::launch(geometry.grid, geometry.block, geometry.shared, [&] { kernel(args...); });
#endif
  check_cuda(cudaGetLastError(), name);
}

}  // namespace thalweg

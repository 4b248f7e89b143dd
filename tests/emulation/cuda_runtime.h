// Replaces CUDA's header when kernels/*.cu are compiled as C++ (emulation/CMakeLists.txt). It provides the parts of
// CUDA that the kernels use, run by host threads that take turns. Each thread of a block runs until it reaches a
// barrier or a shuffle; the order of the threads changes from turn to turn, to expose missing barriers. Blocks run one
// after another.
//
// The emulation is stricter than a GPU: it ends the program with a message if some threads of a block never reach a
// barrier, or some lanes of a warp never reach a shuffle.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(threads)
#define __shared__ static  // safe, because blocks do not overlap

typedef struct CUstream_st* cudaStream_t;

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t error);

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
void __syncwarp(unsigned mask = 0xFFFFFFFFu);

namespace emulation {

// Runs `kernel` for each thread. Like a GPU, rejects more than 1,024 threads per block or 48 KB of dynamic shared
// memory.
void launch(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);
// The block's dynamic shared memory, filled with NaN when a block starts.
void* dynamic_shared();
// Returns the value offered by lane `lane` of this thread's warp. All lanes of the warp must call it together.
const void* exchange(const void* offered, std::size_t size, unsigned lane);
unsigned lane();

}  // namespace emulation

template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return *static_cast<const T*>(emulation::exchange(&value, sizeof(T), static_cast<unsigned>(lane) % 32));
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return *static_cast<const T*>(
      emulation::exchange(&value, sizeof(T), emulation::lane() ^ static_cast<unsigned>(mask)));
}
template <typename T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
  const unsigned from = emulation::lane() + delta;
  return *static_cast<const T*>(emulation::exchange(&value, sizeof(T), from < 32 ? from : emulation::lane()));
}

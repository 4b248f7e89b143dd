// Stands in for CUDA's header where kernels/*.cu are compiled as C++ (emulation/CMakeLists.txt): what they use of the
// language, run by host threads that take turns. A block's threads go on until they meet a barrier or a shuffle, in an
// order that changes from turn to turn, so that a barrier that is missing shows; blocks run one after another.
//
// It is stricter than a GPU: a barrier that some threads of a block never reach, and a shuffle that some lanes of a
// warp never reach, end the program with a message.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(threads)
#define __shared__ static  // blocks do not overlap

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

// Runs `kernel` for each thread. Refuses what a GPU would: more than 1,024 threads or 48 KB of dynamic shared memory.
void launch(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);
// The block's dynamic shared memory; holds NaNs when a block begins.
void* dynamic_shared();
// What lane `lane` of this thread's warp offers; all lanes of the warp call it together.
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

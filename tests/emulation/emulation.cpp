// The threads of a block are contexts with stacks of their own, created once and reused by later blocks. They are
// switched by _setjmp and _longjmp, which unlike swapcontext make no system call.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <ucontext.h>

#include "cuda_runtime.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {
namespace {

constexpr std::size_t kMaxThreads = 1024, kMaxSharedBytes = 48 * 1024, kStackBytes = 64 * 1024;
constexpr std::size_t kWarp = 32, kMaxExchanged = 16;

enum class State { kReady, kAtBarrier, kAtWarp, kDone };

struct Thread {
  State state = State::kDone;
  bool exists = false;
  ucontext_t start;
  jmp_buf here;
  std::unique_ptr<char[]> stack;
  unsigned exchanges = 0;
};

struct Machine {
  std::vector<Thread> threads{kMaxThreads};
  jmp_buf scheduler;
  std::size_t current = 0, count = 0;
  const std::function<void()>* kernel = nullptr;
  alignas(16) unsigned char shared[kMaxSharedBytes];
  alignas(16) unsigned char offered[2][kMaxThreads][kMaxExchanged];
  cudaError_t last_error = cudaSuccess;
  unsigned turn = 0;
};
Machine machine;

[[noreturn]] void end(const char* what) {
  std::fprintf(stderr, "emulated kernel: block (%u, %u, %u): %s\n", blockIdx.x, blockIdx.y, blockIdx.z, what);
  std::abort();
}

void wait(State state) {
  Thread& thread = machine.threads[machine.current];
  thread.state = state;
  if (_setjmp(thread.here) == 0) _longjmp(machine.scheduler, 1);
}

void run_thread() {
  for (;;) {  // context i runs thread i of every block
    (*machine.kernel)();
    wait(State::kDone);
  }
}

void resume(std::size_t index) {
  machine.current = index;
  threadIdx = dim3(static_cast<unsigned>(index) % blockDim.x, static_cast<unsigned>(index) / blockDim.x % blockDim.y,
                   static_cast<unsigned>(index) / blockDim.x / blockDim.y);
  if (_setjmp(machine.scheduler) != 0) return;
  Thread& thread = machine.threads[index];
  if (thread.exists) _longjmp(thread.here, 1);
  thread.exists = true;
  thread.stack = std::make_unique<char[]>(kStackBytes);
  getcontext(&thread.start);
  thread.start.uc_stack.ss_sp = thread.stack.get();
  thread.start.uc_stack.ss_size = kStackBytes;
  thread.start.uc_link = nullptr;
  makecontext(&thread.start, run_thread, 0);
  setcontext(&thread.start);
}

std::size_t count_of(std::size_t begin, std::size_t end, State state) {
  std::size_t n = 0;
  for (std::size_t i = begin; i < end; ++i) n += machine.threads[i].state == state;
  return n;
}

void release(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) machine.threads[i].state = State::kReady;
}

// Releases threads whose barrier or shuffle is complete; returns whether there were any.
bool release_waiting() {
  bool released = false;
  for (std::size_t begin = 0; begin < machine.count; begin += kWarp) {
    const std::size_t warp_end = std::min(begin + kWarp, machine.count);
    if (count_of(begin, warp_end, State::kAtWarp) != warp_end - begin) continue;
    release(begin, warp_end);
    released = true;
  }
  if (!released && count_of(0, machine.count, State::kAtBarrier) == machine.count) {
    release(0, machine.count);
    released = true;
  }
  return released;
}

void run_block() {
  std::memset(machine.shared, 0xFF, sizeof(machine.shared));
  release(0, machine.count);
  while (count_of(0, machine.count, State::kDone) < machine.count) {
    const bool backwards = ++machine.turn % 2 == 0;
    bool moved = false;
    for (std::size_t i = 0; i < machine.count; ++i) {
      const std::size_t index = backwards ? machine.count - 1 - i : i;
      if (machine.threads[index].state != State::kReady) continue;
      resume(index);
      moved = true;
    }
    if (!release_waiting() && !moved) end("threads wait for others that never come");
  }
}

}  // namespace

void launch(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel) {
  machine.count = static_cast<std::size_t>(block.x) * block.y * block.z;
  if (machine.count == 0 || machine.count > kMaxThreads || shared_bytes > kMaxSharedBytes) {
    machine.last_error = cudaErrorInvalidConfiguration;
    return;
  }
  machine.kernel = &kernel;
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = dim3(x, y, z);
        run_block();
      }
    }
  }
}

void* dynamic_shared() {
  return machine.shared;
}

unsigned lane() {
  return static_cast<unsigned>(machine.current % kWarp);
}

// Two alternating buffers suffice: no lane can be two exchanges ahead of one that still reads.
const void* exchange(const void* offered, std::size_t size, unsigned from) {
  const std::size_t first = machine.current / kWarp * kWarp;
  auto& buffer = machine.offered[machine.threads[machine.current].exchanges++ % 2];
  if (size > kMaxExchanged || first + from >= machine.count) end("a shuffle of what no lane offers");
  std::memcpy(buffer[machine.current], offered, size);
  wait(State::kAtWarp);
  return buffer[first + from];
}

}  // namespace emulation

void __syncthreads() {
  emulation::wait(emulation::State::kAtBarrier);
}

void __syncwarp(unsigned) {
  emulation::wait(emulation::State::kAtWarp);
}

cudaError_t cudaGetLastError() {
  return std::exchange(emulation::machine.last_error, cudaSuccess);
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "invalid configuration argument";
}

#include "base/device.h"

#include <charconv>
#include <cstdlib>
#include <fstream>

#include <cuda_runtime_api.h>

#include <ATen/Parallel.h>
#include <c10/cuda/CUDAFunctions.h>

#include "base/error.h"

namespace thalweg {
namespace {

c10::Device cuda_device(int index, const std::string& name) {
  const int count = c10::cuda::device_count();
  check(index < count, "device \"{}\": {} answer{} here (nvidia-smi lists them); use \"auto\" or \"cpu\" to go without",
        name, count == 0 ? "no GPU" : fmt::format("{} GPU{}", count, count == 1 ? "" : "s"), count > 1 ? "" : "s");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

// "model name : AMD EPYC..." on x86; elsewhere Linux gives no such line.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace

c10::Device parse_device(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  if (name == "auto") return c10::cuda::device_count() > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  if (name == "cuda") return cuda_device(0, name);
  constexpr std::string_view kPrefix = "cuda:";
  if (name.starts_with(kPrefix)) {
    const char* end = name.data() + name.size();
    unsigned index = 0;
    const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, index);
    // 127 is the last index that fits LibTorch's type.
    if (error == std::errc() && stop == end && index <= 127) return cuda_device(static_cast<int>(index), name);
  }
  fail_usage("device \"{}\": expected \"auto\", \"cpu\", \"cuda\" or \"cuda:N\"", name);
}

std::string device_description(const c10::Device& device) {
  if (device.is_cpu()) return processor_name();
  cudaDeviceProp properties = {};
  const cudaError_t error = cudaGetDeviceProperties(&properties, device.has_index() ? device.index() : 0);
  check(error == cudaSuccess, "cannot ask {} for its name: {}", device.str(), cudaGetErrorString(error));
  return properties.name;
}

void set_num_threads(int threads) {
  if (threads < 0) fail_usage("expected a number of threads of at least 0, got {}", threads);
  if (threads > 0) at::set_num_threads(threads);
}

void use_fixed_sums() {
  setenv("MKL_CBWR", "AUTO,STRICT", /*overwrite=*/0);
}

}  // namespace thalweg

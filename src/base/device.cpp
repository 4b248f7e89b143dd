#include "base/device.h"

#include <cstdlib>
#include <fstream>

#include <cuda_runtime_api.h>

#include <ATen/Parallel.h>
#include <c10/cuda/CUDAFunctions.h>

#include "base/error.h"
#include "base/parse_number.h"

namespace thalweg {
namespace {

c10::Device cuda_device(int index, const std::string& name) {
  const int count = c10::cuda::device_count();
  check(index < count, "device \"{}\": {} {} available (nvidia-smi lists them); use \"auto\" or \"cpu\" instead", name,
        count == 0 ? "no GPU" : fmt::format("{} GPU{}", count, count == 1 ? "" : "s"), count > 1 ? "are" : "is");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

// "model name : AMD EPYC..." on x86; Linux has no such line on other architectures.
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
    const auto index = parse_number<unsigned>(name.substr(kPrefix.size()));
    // 127 is the largest index that fits LibTorch's type.
    if (index && *index <= 127) return cuda_device(static_cast<int>(*index), name);
  }
  fail_usage("device \"{}\": expected \"auto\", \"cpu\", \"cuda\" or \"cuda:N\"", name);
}

std::string device_description(const c10::Device& device) {
  if (device.is_cpu()) return processor_name();
  cudaDeviceProp properties = {};
  const cudaError_t error = cudaGetDeviceProperties(&properties, device.has_index() ? device.index() : 0);
  check(error == cudaSuccess, "cannot read the name of {}: {}", device.str(), cudaGetErrorString(error));
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

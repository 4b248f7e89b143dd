// The device a computation runs on, as the user names it: "auto", "cpu", "cuda" or "cuda:N".
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace thalweg {

// "auto" selects the first GPU if there is one, else the CPU. Throws Error if the GPU does not exist, usage Error for
// any other name.
c10::Device parse_device(const std::string& name);

// The model name of the processor or GPU, for provenance.
std::string device_description(const c10::Device& device);

// Sets the number of threads for CPU work; 0 keeps LibTorch's choice (the number of physical cores).
void set_num_threads(int threads);

// Makes MKL, which computes LibTorch's matrix products on a CPU, sum in an order that depends neither on the number of
// rows nor on the number of threads. Must be called at program start: MKL reads the setting once, at its first product.
// An MKL_CBWR that is already set in the environment takes precedence.
void use_fixed_sums();

}  // namespace thalweg

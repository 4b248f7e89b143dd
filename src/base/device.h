// The device a computation runs on, by the name a user gives: "auto", "cpu", "cuda", "cuda:N".
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace thalweg {

// "auto" is the first GPU if one answers, else the CPU. Throws Error for a GPU that is not there, usage Error for
// another name.
c10::Device parse_device(const std::string& name);

// For provenance: the processor's or the GPU's model name.
std::string device_description(const c10::Device& device);

// Threads for CPU work; 0 keeps LibTorch's choice (physical cores).
void set_num_threads(int threads);

}  // namespace thalweg

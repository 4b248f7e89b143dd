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

// Asks MKL, LibTorch's matrix product on a CPU, to sum in an order that depends neither on how many rows there are nor
// on threads. For the start of a program: MKL asks once, at its first product. MKL_CBWR in the environment goes before.
void use_fixed_sums();

}  // namespace thalweg

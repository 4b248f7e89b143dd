// The file that stores a GPU's convolution plans, so that a rerun uses the same ones: JSON, one plan per line.
//   {"format": "thalweg-conv-plans-1", "cudnn": 91900, "gpu": "NVIDIA H200", "driver": 13000, "plans": [
//   {"filter": [64, 64, 3, 3], "image": [128, 64, 32, 32], "microseconds": 21.5, "padding": 1, "pass": "forward",
//    "plan": "eng62_k2=4_k13=0", "stride": 1, "type": "bfloat16"}, ...
// If a program's own settings are stored with the plans, "settings": {"chunk": 1024, ...} precedes "plans".
// image: N, C, H, W; filter: K, C, R, S; microseconds 0: never timed. The GPU and the version of cuDNN must match this
// machine's (ConvPlans::adopt); the driver version is for information.
#pragma once

#include <filesystem>

#include "kernels/conv_plan.h"

namespace thalweg {

void write_conv_manifest(const std::filesystem::path& path, const ConvManifest& manifest);
// Throws Error naming the file and what is wrong in it.
ConvManifest read_conv_manifest(const std::filesystem::path& path);

}  // namespace thalweg

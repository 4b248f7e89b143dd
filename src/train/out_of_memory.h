// What to say when a training step does not fit into memory: which batch would.
#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "nn/graph.h"
#include "train/config.h"

namespace thalweg {

// Estimate of what a training step needs for each image: every operation's output, which backward wants again, as
// float32. (Workspaces and gradients of activations come on top; what is in place or bf16 takes less.)
double step_bytes_per_image(const Graph& graph);

// The batch halved, and halved again until its need fits into nine tenths of `room` bytes; at least 1.
std::int64_t smaller_batch(std::int64_t batch, double bytes_per_image, double room);

// What to change where a step of `train` does not fit into `room` bytes.
std::string smaller_step_advice(const TrainConfig& train, double bytes_per_image, double room);

// Bytes that a step may take on this GPU: free memory and what LibTorch has reserved but does not use now. Infinite on
// a CPU, where what is free says little: then the batch is halved once.
double room_for_step(c10::Device device);

}  // namespace thalweg

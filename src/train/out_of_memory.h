// Advice for when a training step runs out of memory: which batch size would fit.
#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "nn/graph.h"
#include "train/config.h"

namespace thalweg {

// Estimates the bytes that a training step needs per image: every operation's output, which the backward pass needs
// again, as float32. (Workspaces and gradients of activations come on top; in-place operations and bf16 need less.)
double step_bytes_per_image(const Graph& graph);

// Halves the batch at least once, until it needs at most nine tenths of `room` bytes; returns at least 1.
std::int64_t smaller_batch(std::int64_t batch, double bytes_per_image, double room);

// Returns which settings to change if a step of `train` does not fit into `room` bytes.
std::string smaller_step_advice(const TrainConfig& train, double bytes_per_image, double room);

// Returns the bytes that a step may use on this GPU: free memory plus what LibTorch has reserved but not in use.
// Infinite on a CPU, where the amount of free memory says little; the batch is then halved once.
double room_for_step(c10::Device device);

}  // namespace thalweg

// Advice for when a training step runs out of memory: which batch size would fit.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "nn/graph.h"
#include "train/config.h"

namespace thalweg {

// Thrown if a training step runs out of memory. How much is free shows once the step's memory has been given back.
class StepOutOfMemory : public Error {
 public:
  using Error::Error;
};

// Estimates the bytes that a training step needs per image: every operation's output, which the backward pass needs
// again, as float32. (Workspaces and gradients of activations come on top; in-place operations and bf16 need less.)
double step_bytes_per_image(const Graph& graph);

// Halves the batch at least once, until it needs at most nine tenths of `room` bytes; returns at least 1.
std::int64_t smaller_batch(std::int64_t batch, double bytes_per_image, double room);

// Returns the settings that compute a batch in slices of this many images.
std::string settings_for_slice(const TrainConfig& train, std::int64_t slice);

// Returns which settings to change if a step of `train` ran out of memory. `free`: the bytes that are free without it
// (base/memory.h).
std::string smaller_step_advice(const Graph& graph, const TrainConfig& train, double free);

}  // namespace thalweg

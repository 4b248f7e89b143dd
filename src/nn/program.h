// A graph compiled for evaluation: batch norm is folded into the layer before it, and residual add and ReLU are fused
// with it. What remains is a short list of steps over one flat vector of folded weights (kernels/materialise.h).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/materialise.h"
#include "nn/graph.h"

namespace thalweg {

enum class StepKind { kConv, kLinear, kMaxPool, kGlobalAvgPool, kPadShortcut, kFlatten, kRelu, kAdd };

struct Step {
  StepKind kind = StepKind::kConv;
  int input = 0;      // slot read
  int other = -1;     // kConv: slot added before the ReLU; kAdd: the second input; -1: none
  int output = 0;     // slot written
  int segment = -1;   // kConv, kLinear: index into Program::segments
  bool relu = false;  // kConv, kLinear: with a ReLU at the end
  int kernel = 1;
  int stride = 1;
  int padding = 0;
  std::int64_t height = 0, width = 0;  // kConv: size of the input
  std::vector<int> dead;               // slots not needed after this step
};

struct Program {
  std::vector<Step> steps;
  std::vector<FoldSegment> segments;
  std::int64_t folded_size = 0;     // floats of one point's folded weights
  int num_slots = 0;                // slot 0 holds the images
  std::int64_t input_channels = 0;  // of the images; more than the graph's if compiled to pad them
};

struct CompileOptions {
  // If only convolutions read the images, the images' channels are padded to a multiple of this, with zero weights:
  // tensor cores then need no copy.
  std::int64_t channel_multiple = 1;
};

// Throws Error if a batch norm does not follow a convolution or linear layer (no network built here has one).
Program compile(const Graph& graph, const CompileOptions& options = {});

}  // namespace thalweg

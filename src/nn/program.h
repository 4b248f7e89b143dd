// A graph compiled for evaluation: batch norm folded into the convolution before it, residual add and ReLU fused behind
// it. What is left is a short list of steps over one flat vector of folded weights (kernels/materialise.h).
#pragma once

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
  int segment = -1;   // of kConv and kLinear: index into Program::segments
  bool relu = false;  // of kConv and kLinear: ReLU at the end
  int kernel = 1;
  int stride = 1;
  int padding = 0;
  std::int64_t height = 0, width = 0;  // kConv: of the image
  std::vector<int> dead;               // slots not needed after this step
};

struct Program {
  std::vector<Step> steps;
  std::vector<FoldSegment> segments;
  std::int64_t folded_size = 0;     // floats of one point's folded weights
  int num_slots = 0;                // slot 0 holds the images
  std::int64_t input_channels = 0;  // of the images; more than the graph's where it was compiled to pad them
};

struct CompileOptions {
  // Where convolutions read the images, their channels are padded to a multiple of this, with weights 0: what tensor
  // cores take without a copy.
  std::int64_t channel_multiple = 1;
};

// Throws Error for a batch norm that does not follow a convolution or linear layer (nothing here builds such a
// network).
Program compile(const Graph& graph, const CompileOptions& options = {});

}  // namespace thalweg

// A graph compiled for training: the same operations in the same order, with the residual add, the ReLU and the max
// pool behind a batch norm fused into its step (kernels/norm.h).
#pragma once

#include <vector>

#include "nn/graph.h"

namespace thalweg {

struct TrainOp {
  Op op = Op::kConv;  // never kInput
  int node = 0;       // node of the graph that has the sizes and parameters
  int input = 0;      // node whose value is read
  int other = -1;     // second input of kAdd, or of kBatchNorm with a fused add
  int output = 0;     // node whose value is written; of a fused step, the last one
  bool relu = false;  // kBatchNorm: with a fused ReLU
  bool pool = false;  // kBatchNorm with ReLU, without an add: with a fused 2x2 max pool of stride 2
};

std::vector<TrainOp> compile_training(const Graph& graph);

}  // namespace thalweg

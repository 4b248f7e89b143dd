// A convolution as a graph of cuDNN's, and the plans that cuDNN has for it. For conv_plan.cpp and conv_tune.cpp; it
// keeps cudnn-frontend's header, which takes 20 s to compile, inside conv_graph.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/conv_plan.h"

namespace thalweg {

// What plans are made for.
class ConvDevice {
 public:
  static std::unique_ptr<ConvDevice> current_gpu();
  static std::unique_ptr<ConvDevice> absent_gpu(const std::string& properties);
  ~ConvDevice();

  const std::string& gpu() const { return gpu_; }
  std::int64_t driver() const { return driver_; }
  // Where cuDNN works next. It keeps the stream, so another one must be set before that one goes.
  void use_stream(cudaStream_t stream) const;
  static std::int64_t cudnn_version();

 private:
  friend class ConvGraph;
  struct Cudnn;  // handle or properties
  ConvDevice(std::string gpu, std::int64_t driver, std::unique_ptr<Cudnn> cudnn);

  std::string gpu_;
  std::int64_t driver_;
  std::unique_ptr<Cudnn> cudnn_;
};

class ConvGraph {
 public:
  // Asks cuDNN's heuristics (mode A, then its fallbacks). `device` must outlive the graph. Of the options those that
  // say which plans are considered.
  ConvGraph(const ConvDevice& device, const ConvShape& shape, ConvPass pass, const ConvPlanOptions& options);
  ~ConvGraph();

  // Candidates in the order of the heuristics, from what they deem fastest. Not all of them can be built.
  std::size_t num_candidates() const;
  std::string name(std::size_t candidate) const;
  // False: not deterministic (where that is asked for), of reduced precision, in want of more workspace, or refused by
  // cuDNN.
  bool build(std::size_t candidate);
  // Of a candidate that was built.
  std::int64_t workspace_bytes(std::size_t candidate) const;
  void execute(std::size_t candidate, const ConvBuffers& buffers, void* workspace, cudaStream_t stream) const;

 private:
  struct Frontend;
  const ConvDevice& device_;
  std::string what_;  // for messages
  std::unique_ptr<Frontend> frontend_;
};

}  // namespace thalweg

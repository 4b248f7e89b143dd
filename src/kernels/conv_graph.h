// A convolution as a cuDNN graph, and the execution plans that cuDNN has for it. Used by conv_plan.cpp and
// conv_tune.cpp only; confines cudnn-frontend's header, which takes 20 s to compile, to conv_graph.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/conv_plan.h"

namespace thalweg {

// The GPU that plans are made for: the current one, or an absent one described by its properties.
class ConvDevice {
 public:
  static std::unique_ptr<ConvDevice> current_gpu();
  static std::unique_ptr<ConvDevice> absent_gpu(const std::string& properties);
  ~ConvDevice();

  const std::string& gpu() const { return gpu_; }
  std::int64_t driver() const { return driver_; }
  // Sets the stream that cuDNN uses from now on. cuDNN keeps it, so another one must be set before it is destroyed.
  void use_stream(cudaStream_t stream) const;
  static std::int64_t cudnn_version();

 private:
  friend class ConvGraph;
  struct Cudnn;  // cuDNN's handle, or the properties of an absent GPU
  ConvDevice(std::string gpu, std::int64_t driver, std::unique_ptr<Cudnn> cudnn);

  std::string gpu_;
  std::int64_t driver_;
  std::unique_ptr<Cudnn> cudnn_;
};

class ConvGraph {
 public:
  // Queries cuDNN's heuristics (mode A, then the fallbacks). `device` must outlive the graph. Of `options`, only
  // `deterministic` and `max_workspace` are used.
  ConvGraph(const ConvDevice& device, const ConvShape& shape, ConvPass pass, const ConvPlanOptions& options);
  ~ConvGraph();

  // The number of candidates. They are in the order of the heuristics, expected fastest first; not all of them can be
  // built.
  std::size_t num_candidates() const;
  std::string name(std::size_t candidate) const;
  // Returns false if the candidate is not deterministic (if that is required), has reduced precision, needs too much
  // workspace, or is refused by cuDNN.
  bool build(std::size_t candidate);
  // The candidate must have been built.
  std::int64_t workspace_bytes(std::size_t candidate) const;
  void execute(std::size_t candidate, const ConvBuffers& buffers, void* workspace, cudaStream_t stream) const;

 private:
  struct Frontend;
  const ConvDevice& device_;
  std::string what_;  // description for messages
  std::unique_ptr<Frontend> frontend_;
};

}  // namespace thalweg

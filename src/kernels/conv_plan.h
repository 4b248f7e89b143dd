// Convolutions on a GPU through cuDNN's graph API: chooses the plan (a cuDNN engine and its knobs) of each convolution
// and runs it.
//
// All tensors are channels-last and of one type: the image [N, C, H, W] and the output [N, K, P, Q] are stored as NHWC,
// the filter [K, C, R, S] as KRSC; groups 1, dilation 1. Sums are float32, and float32 tensors are never rounded to
// TF32. C and K may be any number: cuDNN's engines pad those that are not multiples of 8 in their workspace.
//
// Only plans that cuDNN declares deterministic are used, unless the options allow others. The plan of a convolution is
// chosen once: the one that an earlier run chose (adopt), else the one that other runs share (share), else the fastest
// one when timed (tune), else the first one in the order of cuDNN's heuristics that can be built (get). The choice does
// not depend on how much memory is free, so a rerun with the same manifest computes the same bits.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/cuda.h"
#include "kernels/activation.h"

namespace thalweg {

enum class ConvPass {
  kForward,             // output = conv(image, filter)
  kInputGradient,       // image = dL/d(image), given dL/d(output) in `output`
  kWeightGradient,      // filter = dL/d(filter), given dL/d(output) in `output`
  kForwardBias,         // output = conv(image, filter) + bias
  kForwardBiasRelu,     // output = max(conv(image, filter) + bias, 0), which may turn NaN into 0
  kForwardBiasAddRelu,  // output = max(conv(image, filter) + residual + bias, 0)
};

struct ConvShape {
  std::int64_t n = 0, c = 0, h = 0, w = 0;  // image
  std::int64_t k = 0, r = 0, s = 0;         // filter
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  ActivationType type = ActivationType::kFloat32;

  std::int64_t p() const { return (h + 2 * padding - r) / stride + 1; }
  std::int64_t q() const { return (w + 2 * padding - s) / stride + 1; }
  auto operator<=>(const ConvShape&) const = default;
};

// Names used in messages and files, in the order of the enumerators.
inline constexpr std::array<const char*, 6> kConvPassNames = {
    "forward", "input_gradient", "weight_gradient", "forward_bias", "forward_bias_relu", "forward_bias_add_relu"};

// Describes a convolution in messages: "forward convolution of bfloat16 128x64x32x32 with
// 64x64x3x3, stride 1, padding 1".
std::string describe(const ConvShape& shape, ConvPass pass);

// Device memory, each buffer aligned to 16 bytes. ConvPass says which of them a pass reads and writes.
struct ConvBuffers {
  void* image = nullptr;
  void* filter = nullptr;
  void* output = nullptr;
  void* bias = nullptr;      // [K], of the tensors' type
  void* residual = nullptr;  // shape of the output
};

struct ConvWorkspace {
  void* data = nullptr;  // device memory, aligned to 16 bytes
  std::int64_t bytes = 0;
};

struct ConvChoice {
  std::string plan;         // cuDNN's name for the engine and its knobs: "eng62_k2=4_k13=0_k18=0"
  double microseconds = 0;  // 0 if never timed
};

// The plans chosen, and the GPU and versions they were chosen for; nn/conv_manifest.h stores it in a file. A plan's
// name is valid for one version of cuDNN and one GPU model; the driver version is recorded, but not compared.
struct ConvManifest {
  std::int64_t cudnn = 0;  // 91900
  std::string gpu;         // "NVIDIA H200"
  std::int64_t driver = 0;
  std::map<std::pair<ConvShape, ConvPass>, ConvChoice> choices;
  // Settings of the program that ran the convolutions, chosen along with the plans: "chunk", "lanes". Usually empty.
  std::map<std::string, std::int64_t> settings = {};
};

// The choices for one GPU model and version of cuDNN, shared by several ConvPlans (implemented by nn/conv_store.h).
class SharedConvChoices {
 public:
  virtual ~SharedConvChoices() = default;
  // Returns the choice already made for the convolution, if any.
  virtual std::optional<ConvChoice> find(const ConvShape& shape, ConvPass pass) = 0;
  // Offers a choice and returns the one to use, which is an earlier one if another ConvPlans offered it first.
  virtual ConvChoice keep(const ConvShape& shape, ConvPass pass, const ConvChoice& choice) = 0;
};

class ConvDevice;
class ConvGraph;

// A plan ready to run.
struct ConvPlan {
  std::string name;
  std::int64_t workspace_bytes = 0;
  std::shared_ptr<const ConvGraph> graph;  // the graph that holds the plan
  std::size_t candidate = 0;               // its index among the graph's candidates
};

struct ConvPlanOptions {
  // Plans that need more bytes of workspace are not considered. The layers of our networks at batch 128 need up to
  // 38 MB in bfloat16 and 130 MB in float32, whose better engines need more for larger batches.
  std::int64_t max_workspace = std::int64_t{1} << 30;
  bool tune = false;  // whether callers should tune() a convolution before its first run
  // The number of candidates that are timed, from the front of the heuristics' order, which is a good one; LibTorch's
  // benchmark mode also stops at ten. (There are up to 43 for each of a network's sixty passes, at two batch sizes.)
  std::size_t max_timed = 10;
  bool deterministic = true;  // false: plans that sum in no fixed order are candidates, too
};

// The plans of one GPU. Not thread-safe. Functions that fail throw Error (a std::runtime_error) that names the
// convolution.
class ConvPlans {
 public:
  static ConvPlans on_current_gpu(const ConvPlanOptions& options);
  // For a GPU that need not be present, given its properties in cuDNN's JSON format. tune and execute are not
  // available.
  static ConvPlans without_gpu(const std::string& device_properties, const ConvPlanOptions& options);
  ~ConvPlans();
  ConvPlans(ConvPlans&&) noexcept;

  // Whether the manifest's choices were made for this GPU model and version of cuDNN.
  bool fits(const ConvManifest& manifest) const;
  // Adopts the choices of an earlier run. Must be called before any other choice is made. Throws Error if they do not
  // fit.
  void adopt(const ConvManifest& manifest);
  // From now on, looks up a convolution in `shared` before timing it, and offers `shared` what was timed. A shared
  // choice that cuDNN does not have here is ignored.
  void share(std::shared_ptr<SharedConvChoices> shared) { shared_ = std::move(shared); }
  // Returns all choices made so far, including adopted ones.
  ConvManifest manifest() const;
  std::size_t num_chosen() const { return choices_.size(); }
  // Whether the convolution's plan has been chosen. Adopts a shared choice if there is one.
  bool is_chosen(const ConvShape& shape, ConvPass pass);
  // Whether get() has the plan ready. If not, get() must not be called while a CUDA graph is captured.
  bool is_built(const ConvShape& shape, ConvPass pass) const { return plans_.contains({shape, pass}); }

  // Unless is_chosen, times the first options().max_timed candidates that can be built and run on `buffers`
  // (overwriting the pass's result), and chooses the fastest. Calls `allocate` once; it must return device memory of at
  // least `bytes` bytes that stays valid until tune returns. Waits for the stream's work.
  using Allocate = std::function<ConvWorkspace(std::int64_t bytes)>;
  void tune(const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, const Allocate& allocate,
            cudaStream_t stream);

  // Returns the plan of a convolution. The first call builds it, and the first execute loads its kernels. Neither is
  // allowed while a CUDA graph is captured, so run each convolution once before. The reference stays valid.
  const ConvPlan& get(const ConvShape& shape, ConvPass pass);
  void execute(const ConvPlan& plan, const ConvBuffers& buffers, const ConvWorkspace& workspace, cudaStream_t stream);

  const ConvPlanOptions& options() const { return options_; }

 private:
  ConvPlans(std::unique_ptr<ConvDevice> device, const ConvPlanOptions& options);
  using Key = std::pair<ConvShape, ConvPass>;
  ConvPlan build(const Key& key, const std::string& name) const;
  bool take(const Key& key, const ConvChoice& choice);

  std::unique_ptr<ConvDevice> device_;  // cuDNN's handle or the descriptor of an absent GPU
  ConvPlanOptions options_;
  std::map<Key, ConvChoice> choices_;
  std::map<Key, ConvPlan> plans_;  // the plans built so far
  std::shared_ptr<SharedConvChoices> shared_;
  std::set<Key> refused_;    // convolutions whose shared choice cuDNN does not have
  Clock::time_point tuned_;  // when the last timing ended
};

}  // namespace thalweg

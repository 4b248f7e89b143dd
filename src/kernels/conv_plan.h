// Convolutions on a GPU by cuDNN's graph API: which plan (an engine of cuDNN's and its knobs) runs each of them, and
// running it.
//
// Tensors are channels-last and of one type: the image [N, C, H, W] and the output [N, K, P, Q] lie as NHWC, the filter
// [K, C, R, S] as KRSC; groups 1, dilation 1. Sums are float32, and float32 tensors never go through TF32. C and K may
// be any number: cuDNN's engines pad those that are no multiple of 8 in their workspace.
//
// Only plans that cuDNN calls deterministic are used (unless the options allow others), and one is chosen once: it is
// the one that an earlier run chose (adopt), or the one that others share (share), or the fastest of a timing (tune),
// or the first in the order of cuDNN's heuristics (get). How much memory happens to be free plays no part. So with the
// same manifest a rerun computes the same bits.
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
#include "kernels/activation.h"

typedef struct CUstream_st* cudaStream_t;

namespace thalweg {

enum class ConvPass {
  kForward,             // output = conv(image, filter)
  kInputGradient,       // image = gradient by it; `output` holds the gradient by the output
  kWeightGradient,      // filter = gradient by it; `output` holds the gradient by the output
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

// "forward_bias_relu": in messages and files. By the enumerators' order.
inline constexpr std::array<const char*, 6> kConvPassNames = {
    "forward", "input_gradient", "weight_gradient", "forward_bias", "forward_bias_relu", "forward_bias_add_relu"};

// For messages: "forward convolution of bfloat16 128x64x32x32 with 64x64x3x3, stride 1, padding 1".
std::string describe(const ConvShape& shape, ConvPass pass);

// Device memory, each aligned to 16 bytes. Which ones a pass reads and writes: ConvPass.
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
  std::string plan;         // cuDNN's name of engine and knobs: "eng62_k2=4_k13=0_k18=0"
  double microseconds = 0;  // 0: never timed
};

// What was chosen, and where; nn/conv_manifest.h keeps it in a file. A plan's name is valid for one version of cuDNN
// and one GPU; the driver is noted, no more.
struct ConvManifest {
  std::int64_t cudnn = 0;  // 91900
  std::string gpu;         // "NVIDIA H200"
  std::int64_t driver = 0;
  std::map<std::pair<ConvShape, ConvPass>, ConvChoice> choices;
  // Of whoever ran the convolutions, chosen along with them: "chunk", "lanes". Usually empty.
  std::map<std::string, std::int64_t> settings = {};
};

// Choices of one GPU model and version of cuDNN that many ConvPlans share (nn/conv_store.h).
class SharedConvChoices {
 public:
  virtual ~SharedConvChoices() = default;
  // What somebody chose already.
  virtual std::optional<ConvChoice> find(const ConvShape& shape, ConvPass pass) = 0;
  // Offers a choice, and returns the one that holds: an earlier one, where somebody was faster.
  virtual ConvChoice keep(const ConvShape& shape, ConvPass pass, const ConvChoice& choice) = 0;
};

class ConvDevice;
class ConvGraph;

// A plan ready to run.
struct ConvPlan {
  std::string name;
  std::int64_t workspace_bytes = 0;
  std::shared_ptr<const ConvGraph> graph;  // which holds it, at
  std::size_t candidate = 0;               // this place
};

struct ConvPlanOptions {
  // Plans that want more are not considered. The layers of our networks at batch 128 want up to 38 MB in bfloat16 and
  // 130 MB in float32, whose better engines want more with the batch.
  std::int64_t max_workspace = std::int64_t{1} << 30;
  bool tune = false;  // whether those who run a convolution are to tune() it first
  // So many candidates are timed, from the front of the heuristics' order, which is good; LibTorch's benchmark mode
  // stops at ten, too. (There are up to 43 for each of a network's sixty passes, at two batch sizes.)
  std::size_t max_timed = 10;
  bool deterministic = true;  // false: plans whose sums have no fixed order are candidates, too
};

// The plans of one GPU; used by one thread at a time. Errors are Error (a std::runtime_error) and name the convolution.
class ConvPlans {
 public:
  static ConvPlans on_current_gpu(const ConvPlanOptions& options);
  // For a GPU that need not be here: its properties as cuDNN writes them in JSON. All but tune and execute.
  static ConvPlans without_gpu(const std::string& device_properties, const ConvPlanOptions& options);
  ~ConvPlans();
  ConvPlans(ConvPlans&&) noexcept;

  // Whether choices were made for this GPU model and version of cuDNN.
  bool fits(const ConvManifest& manifest) const;
  // Takes over an earlier run's choices; Error if they do not fit. Before all others.
  void adopt(const ConvManifest& manifest);
  // From now on what is to be timed is looked up there first, and what was timed is offered there. A choice that cuDNN
  // does not have here is left alone.
  void share(std::shared_ptr<SharedConvChoices> shared) { shared_ = std::move(shared); }
  // All choices so far, adopted ones included.
  ConvManifest manifest() const;
  std::size_t num_chosen() const { return choices_.size(); }
  // Whether there is a choice. Takes one that is shared.
  bool is_chosen(const ConvShape& shape, ConvPass pass);
  // Whether get() has the plan ready; if not, it may not be called while a CUDA graph is captured.
  bool is_built(const ConvShape& shape, ConvPass pass) const { return plans_.contains({shape, pass}); }

  // Times the first options().max_timed candidates, those of them that run, on `buffers` (the pass's result is
  // overwritten), and chooses the fastest, unless is_chosen. `allocate` is called once, and what it returns, device
  // memory of at least so many bytes, must stay until the end. Waits for the stream's work.
  using Allocate = std::function<ConvWorkspace(std::int64_t bytes)>;
  void tune(const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, const Allocate& allocate,
            cudaStream_t stream);

  // Built at the first call for a convolution, with its kernels loaded at the first execute: neither belongs inside the
  // capture of a CUDA graph, so run each convolution once before. The reference stays valid.
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
  std::map<Key, ConvPlan> plans_;  // those built so far
  std::shared_ptr<SharedConvChoices> shared_;
  std::set<Key> refused_;    // whose shared choice cuDNN does not have
  Clock::time_point tuned_;  // when the last timing ended
};

}  // namespace thalweg

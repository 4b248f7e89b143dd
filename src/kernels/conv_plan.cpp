#include "kernels/conv_plan.h"

#include "base/error.h"
#include "kernels/conv_graph.h"

namespace thalweg {
namespace {

void check_shape(const ConvShape& x, ConvPass pass) {
  check(x.n > 0 && x.c > 0 && x.h > 0 && x.w > 0 && x.k > 0 && x.r > 0 && x.s > 0 && x.stride > 0 && x.padding >= 0 &&
            x.h + 2 * x.padding >= x.r && x.w + 2 * x.padding >= x.s,
        "{}: sizes and stride must be positive, and the filter no larger than the padded image", describe(x, pass));
}

}  // namespace

std::string describe(const ConvShape& x, ConvPass pass) {
  return fmt::format("{} convolution of {} {}x{}x{}x{} with {}x{}x{}x{}, stride {}, padding {}",
                     kConvPassNames[static_cast<std::size_t>(pass)],
                     kActivationTypeNames[static_cast<std::size_t>(x.type)], x.n, x.c, x.h, x.w, x.k, x.c, x.r, x.s,
                     x.stride, x.padding);
}

ConvPlans::ConvPlans(std::unique_ptr<ConvDevice> device, const ConvPlanOptions& options)
    : device_(std::move(device)), options_(options) {}

ConvPlans ConvPlans::on_current_gpu(const ConvPlanOptions& options) {
  return ConvPlans(ConvDevice::current_gpu(), options);
}

ConvPlans ConvPlans::without_gpu(const std::string& device_properties, const ConvPlanOptions& options) {
  return ConvPlans(ConvDevice::absent_gpu(device_properties), options);
}

ConvPlans::~ConvPlans() = default;
ConvPlans::ConvPlans(ConvPlans&&) noexcept = default;

bool ConvPlans::fits(const ConvManifest& manifest) const {
  return manifest.gpu == device_->gpu() && manifest.cudnn == ConvDevice::cudnn_version();
}

void ConvPlans::adopt(const ConvManifest& manifest) {
  check(fits(manifest),
        "the convolution plans were chosen on \"{}\" with cuDNN {}, but this is \"{}\" with cuDNN {}: other plans may "
        "change the last bits of results; continue on the former, or remove the file with the plans to choose new ones",
        manifest.gpu, manifest.cudnn, device_->gpu(), ConvDevice::cudnn_version());
  check(choices_.empty(), "convolution plans were chosen before the earlier run's were adopted");
  choices_ = manifest.choices;
}

ConvManifest ConvPlans::manifest() const {
  return {ConvDevice::cudnn_version(), device_->gpu(), device_->driver(), choices_, {}};
}

bool ConvPlans::is_chosen(const ConvShape& shape, ConvPass pass) {
  const Key key{shape, pass};
  if (choices_.contains(key)) return true;
  if (!shared_ || refused_.contains(key)) return false;
  const std::optional<ConvChoice> found = shared_->find(shape, pass);
  return found && take(key, *found);
}

// Adopts a shared choice. Returns false if cuDNN does not have it here.
bool ConvPlans::take(const Key& key, const ConvChoice& choice) {
  try {
    plans_.emplace(key, build(key, choice.plan));
  } catch (const Error&) {
    refused_.insert(key);
    return false;
  }
  choices_[key] = choice;
  return true;
}

// Builds the candidate named `name`, or the first one that can be built if `name` is empty.
ConvPlan ConvPlans::build(const Key& key, const std::string& name) const {
  const auto& [shape, pass] = key;
  const auto graph = std::make_shared<ConvGraph>(*device_, shape, pass, options_);
  for (std::size_t i = 0; i < graph->num_candidates(); ++i) {
    if ((name.empty() || graph->name(i) == name) && graph->build(i)) {
      return {graph->name(i), graph->workspace_bytes(i), graph, i};
    }
  }
  if (name.empty()) {
    fail("{}: cuDNN has no {}plan within {} MB of workspace; use LibTorch's own convolution for it",
         describe(shape, pass), options_.deterministic ? "deterministic " : "", options_.max_workspace >> 20);
  }
  fail("{}: cuDNN has no plan \"{}\" here; remove the file with the plans to choose new ones", describe(shape, pass),
       name);
}

const ConvPlan& ConvPlans::get(const ConvShape& shape, ConvPass pass) {
  const Key key{shape, pass};
  const auto built = plans_.find(key);
  if (built != plans_.end()) return built->second;
  check_shape(shape, pass);
  const ConvPlan plan = build(key, choices_.contains(key) ? choices_.at(key).plan : "");
  choices_.try_emplace(key, ConvChoice{plan.name, 0});
  return plans_.emplace(key, plan).first->second;
}

void ConvPlans::execute(const ConvPlan& plan, const ConvBuffers& buffers, const ConvWorkspace& workspace,
                        cudaStream_t stream) {
  check(workspace.bytes >= plan.workspace_bytes, "plan \"{}\" needs {} bytes of workspace, got {}", plan.name,
        plan.workspace_bytes, workspace.bytes);
  plan.graph->execute(plan.candidate, buffers, workspace.data, stream);
}

}  // namespace thalweg

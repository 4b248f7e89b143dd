#include "train/step.h"

#include <numeric>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include "base/stream.h"
#include "kernels/sgd.h"
#include "nn/eager.h"

namespace thalweg {
namespace {

// Forward under bf16 autocast. Its cache of cast weights is off: each weight is used once a step, and a cached copy
// would outlive the update.
class AutocastBf16 {
 public:
  AutocastBf16(c10::DeviceType device, bool on) : device_(device), on_(on) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~AutocastBf16() {
    if (on_) at::autocast::set_autocast_enabled(device_, false);
  }
  AutocastBf16(const AutocastBf16&) = delete;
  AutocastBf16& operator=(const AutocastBf16&) = delete;

 private:
  c10::DeviceType device_;
  bool on_;
};

// Leaves of their own that share the vector's storage: views of one leaf would cost O(P) a layer in backward.
std::vector<at::Tensor> make_leaves(const Layout& layout, const at::Tensor& weights, const at::Tensor& gradient) {
  std::vector<at::Tensor> leaves = layout.views(weights);
  const std::vector<at::Tensor> gradients = layout.views(gradient);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    leaves[i] = leaves[i].detach().requires_grad_(true);
    leaves[i].mutable_grad() = gradients[i];
  }
  return leaves;
}

at::Tensor weight_decay_vector(const Layout& layout, const OptimizerConfig& config, const at::Tensor& like) {
  at::Tensor decay = at::full_like(like, config.weight_decay);
  if (config.decay_norm_and_bias) return decay;
  for (const LayoutEntry& entry : layout.entries()) {
    if (entry.role != TensorRole::kWeight) decay.narrow(0, entry.offset, entry.numel).zero_();
  }
  return decay;
}

void update_weights(TrainState& state, const at::Tensor& gradient, const at::Tensor& decay, double lr,
                    const OptimizerConfig& config) {
  SgdArgs args;
  args.weights = state.weights.mutable_data_ptr<float>();
  args.velocity = state.momentum.mutable_data_ptr<float>();
  args.gradient = gradient.const_data_ptr<float>();
  args.decay = decay.const_data_ptr<float>();
  args.num_parameters = gradient.size(0);
  args.lr = static_cast<float>(lr);
  args.momentum = static_cast<float>(config.momentum);
  args.nesterov = config.nesterov;
  if (gradient.is_cuda()) {
    sgd_step_cuda(args, current_stream(gradient.device()));
  } else {
    sgd_step_cpu(args);
  }
}

}  // namespace

at::Tensor epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t n) {
  at::Tensor order = at::arange(n, at::kLong);
  std::int64_t* values = order.mutable_data_ptr<std::int64_t>();
  Philox stream(seed, Stream::kOrder, static_cast<std::uint32_t>(epoch));
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(values[i], values[stream.below(static_cast<std::uint32_t>(i + 1))]);
  return order;
}

std::int64_t steps_per_epoch(std::int64_t num_images, std::int64_t batch) {
  return (num_images + batch - 1) / batch;
}

TrainStep::TrainStep(const Graph& graph, const ImageBatches& images, const TrainConfig& config, std::uint64_t seed,
                     TrainState& state)
    : graph_(graph),
      images_(images),
      config_(config),
      seed_(seed),
      state_(state),
      steps_per_epoch_(steps_per_epoch(images.size(), config.batch)),
      gradient_(at::zeros_like(state.weights)),
      decay_(weight_decay_vector(graph.parameters, config.optimizer, state.weights)),
      leaves_(make_leaves(graph.parameters, state.weights, gradient_)),
      buffers_(graph.buffers.views(state.buffers)) {}

at::Tensor TrainStep::batch_indices() {
  const std::int64_t epoch = state_.step / steps_per_epoch_;
  if (epoch != epoch_) {
    order_ = epoch_order(seed_, epoch, images_.size()).to(state_.weights.device());
    epoch_ = epoch;
  }
  const std::int64_t begin = (state_.step % steps_per_epoch_) * config_.batch;
  return order_.narrow(0, begin, std::min(config_.batch, images_.size() - begin));
}

at::Tensor TrainStep::run(double lr) {
  const at::Tensor indices = batch_indices();
  const at::Tensor labels = images_.labels().index_select(0, indices);
  const at::Tensor batch = images_.gather_augmented(indices, config_.augment, seed_, epoch_);

  at::Tensor logits;
  {
    const AutocastBf16 autocast(batch.device().type(), config_.bf16);
    logits = run_eager(graph_, leaves_, buffers_, batch, NormMode::kTrain);
  }
  logits = logits.to(at::kFloat);
  const at::Tensor loss =
      at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, /*ignore_index=*/-100, config_.label_smoothing);
  gradient_.zero_();
  loss.backward();

  const at::NoGradGuard no_grad;
  const double n = static_cast<double>(indices.size(0));
  const at::Tensor right = logits.argmax(1).eq(labels).sum().to(at::kDouble);
  state_.epoch_sums += at::stack({loss.detach().to(at::kDouble) * n, right, at::full_like(right, n)});
  update_weights(state_, gradient_, decay_, lr, config_.optimizer);
  ++state_.step;
  return loss.detach();
}

}  // namespace thalweg

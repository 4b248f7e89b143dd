#include "train/step.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/stream.h"
#include "kernels/cross_entropy.h"
#include "train/profiler.h"

namespace thalweg {
namespace {

at::Tensor optional_order(const Layout& layout, const at::Tensor& flat, bool training) {
  if (!flat.defined()) return flat;
  return training ? layout.to_training_order(flat) : layout.from_training_order(flat);
}

// Returns a copy of the state with its vectors in training order or back in row-major order.
TrainState reordered(const Graph& graph, const TrainState& state, bool training) {
  TrainState out = state;
  for (at::Tensor TrainState::*vector :
       {&TrainState::weights, &TrainState::momentum, &TrainState::second_moment, &TrainState::average}) {
    out.*vector = optional_order(graph.parameters, state.*vector, training);
  }
  out.buffers = state.buffers.clone();
  out.epoch_sums = state.epoch_sums.clone();
  return out;
}

// Adds the vectors that this configuration needs and `start` may lack: a fresh state has neither a second moment nor an
// average, and a branch starts a new average.
TrainState starting_state(const Graph& graph, const TrainState& start, const TrainConfig& config, c10::Device device) {
  TrainState state = reordered(graph, start, true);
  if (config.optimizer.kind == OptimizerKind::kAdamW && !state.second_moment.defined())
    state.second_moment = at::zeros_like(state.weights);
  if (config.average.kind != AverageKind::kNone && !state.average.defined()) state.average = state.weights.clone();
  for (at::Tensor TrainState::*tensor : {&TrainState::weights, &TrainState::momentum, &TrainState::second_moment,
                                         &TrainState::average, &TrainState::buffers, &TrainState::epoch_sums}) {
    if ((state.*tensor).defined()) state.*tensor = (state.*tensor).to(device);
  }
  return state;
}

std::unique_ptr<ConvPlans> make_plans(const Graph& graph, const TrainConfig& config, c10::Device device) {
  const bool convolves =
      std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return node.op == Op::kConv; });
  if (!device.is_cuda() || !config.conv_plans || !convolves) return nullptr;
  const std::unique_lock lock = capture_lock();  // cuDNN is initialised
  return std::make_unique<ConvPlans>(ConvPlans::on_current_gpu({.tune = true, .deterministic = config.deterministic}));
}

at::Tensor scalar(const at::Tensor& like, at::ScalarType type, std::int64_t size) {
  return at::zeros({size}, like.options().dtype(type));
}

}  // namespace

TrainState fresh_state(const at::Tensor& weights, const at::Tensor& buffers) {
  TrainState state;
  state.weights = weights;
  state.momentum = at::zeros_like(weights);
  state.buffers = buffers;
  state.epoch_sums = at::zeros({3}, at::kDouble);
  return state;
}

TrainStep::TrainStep(const Graph& graph, const ImageBatches& images, const TrainConfig& config, std::uint64_t seed,
                     const TrainState& start)
    : graph_(graph),
      config_(config),
      state_(starting_state(graph, start, config, images.labels().device())),
      batches_(images, config, seed, images.labels().device()),
      gradient_(at::zeros_like(state_.weights)),
      plans_(make_plans(graph, config, images.labels().device()).release()),
      backprop_(graph, {state_.weights, gradient_, state_.buffers}, config.bf16 ? at::kBFloat16 : at::kFloat,
                plans_.get()),
      optimizer_(graph.parameters, config.optimizer, state_.weights),
      graphs_(images.labels().device(), config.cuda_graph),
      control_(scalar(state_.weights, at::kByte, sizeof(StepControl))),
      scratch_sums_(scalar(state_.weights, at::kDouble, 3)),
      loss_(scalar(state_.weights, at::kFloat, 1).squeeze()),
      scratch_loss_(scalar(state_.weights, at::kFloat, 1).squeeze()) {
  if (config.accumulate > 1) total_ = at::empty_like(gradient_);
  if (config.optimizer.sam_rho > 0) saved_ = at::empty_like(gradient_);
}

// Destroying cuDNN's handle may wait for the device, which would break another run's capture.
void TrainStep::DeletePlans::operator()(ConvPlans* plans) const {
  const std::unique_lock lock = capture_lock();
  delete plans;
}

void TrainStep::begin(double lr) {
  StepControl control;
  batch_size_ = batches_.begin(state_.step, control);
  optimizer_.prepare(state_.step, lr, control);
  auto* place = reinterpret_cast<StepControl*>(control_.mutable_data_ptr<std::uint8_t>());
  if (control_.is_cuda()) {
    set_control_cuda(place, control, current_stream(control_.device()));
  } else {
    *place = control;
  }
}

void TrainStep::compute_slice(std::int64_t offset, std::int64_t size, std::int64_t whole, const Pass& pass) {
  const auto* control = reinterpret_cast<const StepControl*>(control_.const_data_ptr<std::uint8_t>());
  const ImageBatches::TrainingBatch batch =
      batches_.slice(offset, size, control, backprop_.activation_type(),
                     graph_.flattens_images() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast);
  std::optional<ProfileRange> range("forward");
  const at::Tensor logits = backprop_.forward(batch.images, pass.first);
  const at::Tensor gradient = at::empty_like(logits);
  CrossEntropyArgs args;
  args.logits = logits.const_data_ptr<float>();
  args.labels = batch.labels.const_data_ptr<std::int64_t>();
  if (config_.mixup > 0) {
    args.other_labels = batch.partners.const_data_ptr<std::int64_t>();
    args.mix = &control->mix;
  }
  args.num_images = size;
  args.batch_size = whole;
  args.num_classes = logits.size(1);
  args.smoothing = config_.label_smoothing;
  args.gradient = gradient.mutable_data_ptr<float>();
  args.sums = (pass.first ? state_.epoch_sums : scratch_sums_).mutable_data_ptr<double>();
  args.loss = (pass.first ? loss_ : scratch_loss_).mutable_data_ptr<float>();
  run_kernel(args, logits.device(), cross_entropy_cpu, cross_entropy_cuda);
  range.emplace("backward");
  backprop_.backward(gradient);
}

// Computes the gradient of the mean over the first `size` images of the batch, slice by slice.
void TrainStep::compute_gradient(std::int64_t size, const Pass& pass) {
  (pass.first ? loss_ : scratch_loss_).zero_();
  const std::int64_t slices = std::min(config_.accumulate, size);
  if (slices == 1) return compute_slice(0, size, size, pass);
  total_.zero_();
  for (std::int64_t k = 0; k < slices; ++k) {
    const std::int64_t begin = size * k / slices, end = size * (k + 1) / slices;
    compute_slice(begin, end - begin, size, pass);
    total_.add_(gradient_);
  }
  gradient_.copy_(total_);
}

// Sharpness-aware minimisation (Foret et al. 2021): the gradient is taken at w + rho * g / |g|. Running statistics
// and metrics are those of the first pass.
void TrainStep::sharpen_gradient() {
  saved_.copy_(state_.weights);
  const at::Tensor scale = config_.optimizer.sam_rho / (at::linalg_vector_norm(gradient_) + 1e-12);
  state_.weights.add_(gradient_ * scale);
  compute_gradient(batch_size_, {.first = false});
  state_.weights.copy_(saved_);
}

void TrainStep::work() {
  compute_gradient(batch_size_, {.first = true});
  if (config_.optimizer.sam_rho > 0) sharpen_gradient();
  const ProfileRange range("update");
  const auto* control = reinterpret_cast<const StepControl*>(control_.const_data_ptr<std::uint8_t>());
  optimizer_.update(state_, gradient_, control);
}

void TrainStep::end() {
  ++state_.step;
  update_average(state_, config_.average, batches_.steps_per_epoch());
}

at::Tensor TrainStep::run(double lr) {
  const at::NoGradGuard no_grad;
  begin(lr);
  graphs_.run(batch_size_, [this] { work(); });
  end();
  return loss_;
}

double TrainStep::half_batch_gradient_norm() {
  compute_gradient(std::max<std::int64_t>(batch_size_ / 2, 1), {.first = false});
  return at::linalg_vector_norm(gradient_).item<double>();
}

// This work is not captured, but may coincide with a capture on another thread: the first gradient of each batch size
// times and builds plans.
std::unique_lock<std::mutex> TrainStep::lock_first_statistics() {
  const bool is_first = control_.is_cuda() && statistics_sizes_.insert(batch_size_).second;
  return is_first ? capture_lock() : std::unique_lock<std::mutex>();
}

at::Tensor TrainStep::run(double lr, StepStatistics& statistics) {
  const at::NoGradGuard no_grad;
  begin(lr);
  const std::unique_lock lock = lock_first_statistics();
  const double small = static_cast<double>(std::max<std::int64_t>(batch_size_ / 2, 1));
  const auto big = static_cast<double>(batch_size_);
  // With mixup, the first half of a batch is made of the same images as the second one: the noise cannot be told.
  const double small_norm = config_.mixup > 0 ? std::nan("") : half_batch_gradient_norm();
  // Bypasses the CUDA graph, because the gradient is examined before it is clipped or sharpened.
  compute_gradient(batch_size_, {.first = true});
  statistics.gradient_norm = at::linalg_vector_norm(gradient_).item<double>();
  statistics.weight_norm = at::linalg_vector_norm(state_.weights).item<double>();
  const double small_square = small_norm * small_norm;
  const double big_square = statistics.gradient_norm * statistics.gradient_norm;
  const double signal = (big * big_square - small * small_square) / (big - small);
  const double noise = (small_square - big_square) / (1 / small - 1 / big);
  statistics.noise_scale = signal > 0 ? noise / signal : std::nan("");
  const at::Tensor before = state_.weights.clone();
  if (config_.optimizer.sam_rho > 0) sharpen_gradient();
  optimizer_.update(state_, gradient_, reinterpret_cast<const StepControl*>(control_.const_data_ptr<std::uint8_t>()));
  statistics.update_ratio = at::linalg_vector_norm(state_.weights - before).item<double>() / statistics.weight_norm;
  end();
  return loss_;
}

TrainState TrainStep::state() const {
  return reordered(graph_, state_, false);
}

at::Tensor TrainStep::average() const {
  return state_.averaged > 0 ? graph_.parameters.from_training_order(state_.average) : at::Tensor();
}

at::Tensor TrainStep::weights() const {
  return graph_.parameters.from_training_order(state_.weights);
}

}  // namespace thalweg

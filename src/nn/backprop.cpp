#include "nn/backprop.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/ScopeExit.h>

#include "base/stream.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

using Ints = std::array<std::int64_t, 2>;

NormShape shape_of(const at::Tensor& x, const TrainOp& op) {
  NormShape shape;
  shape.rows = x.numel() / x.size(1);
  shape.channels = x.size(1);
  shape.type = activation_type_of(x);
  shape.relu = op.relu;
  if (op.pool) shape.pool_width = x.size(3);
  return shape;
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x.contiguous();
}

at::Tensor shortcut_pixels(const Node& node, const at::Tensor& x) {
  return x.slice(2, 0, x.size(2), node.stride).slice(3, 0, x.size(3), node.stride);
}

std::vector<bool> normed_convolutions(const Graph& graph) {
  std::vector<int> consumers(graph.nodes.size(), 0);
  for (const Node& node : graph.nodes) {
    for (const int input : node.inputs) {
      if (input >= 0) ++consumers[static_cast<std::size_t>(input)];
    }
  }
  std::vector<bool> normed(graph.nodes.size(), false);
  for (const Node& node : graph.nodes) {
    if (node.op != Op::kBatchNorm) continue;
    const auto input = static_cast<std::size_t>(node.inputs[0]);
    normed[input] = consumers[input] == 1 && graph.nodes[input].op == Op::kConv;
  }
  return normed;
}

}  // namespace

Backprop::Backprop(const Graph& graph, const Vectors& vectors, at::ScalarType type, ConvPlans* plans)
    : graph_(graph),
      type_(type),
      plans_(plans),
      ops_(compile_training(graph)),
      weights_(vectors.weights),
      parameters_(graph.parameters.training_views(vectors.weights)),
      compute_(parameters_),
      gradients_(graph.parameters.training_views(vectors.gradient)),
      buffers_(graph.buffers.views(vectors.buffers)),
      only_normed_(normed_convolutions(graph)),
      values_(graph.nodes.size()),
      deltas_(graph.nodes.size()),
      pool_index_(graph.nodes.size()),
      norms_(graph.nodes.size()) {
  if (type_ != at::kFloat) {
    low_ = at::empty_like(weights_, weights_.options().dtype(type_));
    compute_ = graph.parameters.training_views(low_);
  }
  for (const TrainOp& op : ops_) {
    if (op.op != Op::kBatchNorm) continue;
    const std::int64_t channels = graph.nodes[static_cast<std::size_t>(op.node)].shape[0];
    norms_[static_cast<std::size_t>(op.node)] = {at::empty({channels}, weights_.options()),
                                                 at::empty({channels}, weights_.options())};
  }
  // backward never writes some gradients (the biases of convolutions read only by a batch norm): they stay 0.
  vectors.gradient.zero_();
}

at::Tensor Backprop::optional_parameter(int index) const {
  return index < 0 ? at::Tensor() : compute_[static_cast<std::size_t>(index)];
}

// A captured graph keeps this pointer, so no reallocation may follow a capture. None does: only the first run of a
// larger batch, which is not captured, needs more, and a smaller batch (the last of an epoch) has its second run, which
// is captured, only after the whole ones.
at::Tensor& Backprop::norm_partial(const NormShape& shape) {
  const std::int64_t size = shape.num_chunks() * 2 * shape.channels;
  if (!partial_.defined() || partial_.numel() < size) partial_ = at::empty({size}, weights_.options());
  return partial_;
}

at::Tensor Backprop::forward(const at::Tensor& images, bool update_statistics) {
  const at::NoGradGuard no_grad;
  update_statistics_ = update_statistics;
  if (low_.defined()) low_.copy_(weights_);
  value(0) = images;
  for (const TrainOp& op : ops_) value(op.output) = run_forward(op);
  return values_.back().to(at::kFloat);
}

void Backprop::measure_statistics(const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  update_statistics_ = measuring_ = true;
  // Runs on exceptions, too: if memory ran out, the caller's next, smaller attempt must not start with these values.
  const auto forget = c10::make_scope_exit([this] {
    std::ranges::fill(values_, at::Tensor());
    measuring_ = false;
  });
  if (low_.defined()) low_.copy_(weights_);
  std::vector<std::size_t> last_use(values_.size(), 0);
  std::size_t end = 0;
  for (std::size_t k = 0; k < ops_.size(); ++k) {
    for (const int node : {ops_[k].input, ops_[k].other}) {
      if (node >= 0) last_use[static_cast<std::size_t>(node)] = k;
    }
    if (ops_[k].op == Op::kBatchNorm) end = k + 1;
  }
  value(0) = images;
  for (std::size_t k = 0; k < end; ++k) {
    value(ops_[k].output) = run_forward(ops_[k]);
    for (const int node : {ops_[k].input, ops_[k].other}) {
      if (node >= 0 && last_use[static_cast<std::size_t>(node)] == k) value(node) = at::Tensor();
    }
  }
}

at::Tensor Backprop::run_forward(const TrainOp& op) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor& x = value(op.input);
  switch (op.op) {
    case Op::kConv:
      return convolve(op);
    case Op::kBatchNorm:
      return norm_forward(op);
    case Op::kRelu:
      return at::relu(x);
    case Op::kAdd:
      return at::add(x, value(op.other));
    case Op::kMaxPool: {
      auto [y, index] = at::max_pool2d_with_indices(x, Ints{node.kernel, node.kernel}, Ints{node.stride, node.stride});
      pool_index_[static_cast<std::size_t>(op.node)] = index;
      return y;
    }
    case Op::kGlobalAvgPool:
      return at::mean(x, Ints{2, 3}, /*keepdim=*/true);
    case Op::kPadShortcut:
      return channels_last(at::constant_pad_nd(shortcut_pixels(node, x), {0, 0, 0, 0, node.padding, node.padding}));
    case Op::kFlatten:
      // PyTorch flattens in channel order, so channels-last values are copied unless they are of a single pixel.
      return at::flatten(x.contiguous(), 1);
    case Op::kLinear:
      return at::linear(x, optional_parameter(node.weight), optional_parameter(node.bias));
    case Op::kInput:
      break;
  }
  return x;
}

at::Tensor Backprop::convolve(const TrainOp& op) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor &x = value(op.input), w = optional_parameter(node.weight), bias = optional_parameter(node.bias);
  return plans_ ? conv_forward(planned(node), x, w, bias) : conv_forward(unplanned(node), x, w, bias);
}

at::Tensor Backprop::norm_forward(const TrainOp& op) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor& x = value(op.input);
  const at::Tensor y = op.pool ? at::empty({x.size(0), x.size(1), x.size(2) / 2, x.size(3) / 2}, x.options(),
                                           at::MemoryFormat::ChannelsLast)
                               : at::empty_like(x);
  NormForwardArgs args;
  args.shape = shape_of(x, op);
  args.x = x.const_data_ptr();
  if (op.other >= 0) args.other = value(op.other).const_data_ptr();
  args.y = y.mutable_data_ptr();
  args.weight = parameters_[static_cast<std::size_t>(node.weight)].const_data_ptr<float>();
  args.bias = parameters_[static_cast<std::size_t>(node.bias)].const_data_ptr<float>();
  if (update_statistics_) {
    args.running_mean = buffers_[static_cast<std::size_t>(node.running_mean)].mutable_data_ptr<float>();
    args.running_var = buffers_[static_cast<std::size_t>(node.running_var)].mutable_data_ptr<float>();
  }
  args.momentum = measuring_ ? 1.0f : static_cast<float>(node.momentum);
  args.eps = static_cast<float>(node.eps);
  const NormState& state = norms_[static_cast<std::size_t>(op.node)];
  args.mean = state.mean.mutable_data_ptr<float>();
  args.invstd = state.invstd.mutable_data_ptr<float>();
  args.partial = norm_partial(args.shape).mutable_data_ptr<float>();
  run_kernel(args, x.device(), norm_forward_cpu, norm_forward_cuda);
  return y;
}

void Backprop::backward(const at::Tensor& logits_gradient) {
  const at::NoGradGuard no_grad;
  deltas_.back() = logits_gradient.to(activation_type());
  for (auto op = ops_.rbegin(); op != ops_.rend(); ++op) {
    run_backward(*op);
    // All readers of this value have been processed, so its memory is free for the gradients of earlier nodes.
    deltas_[static_cast<std::size_t>(op->output)] = at::Tensor();
    value(op->output) = at::Tensor();
  }
  deltas_[0] = at::Tensor();
}

void Backprop::add_gradient(int node, const at::Tensor& gradient) {
  at::Tensor& delta = deltas_[static_cast<std::size_t>(node)];
  if (!delta.defined()) {
    delta = gradient;
  } else if (delta.storage().use_count() == 1) {
    delta.add_(gradient);
  } else {  // an add passes the same tensor to both of its inputs
    delta = at::add(delta, gradient);
  }
}

void Backprop::run_backward(const TrainOp& op) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor& dy = deltas_[static_cast<std::size_t>(op.output)];
  const at::Tensor& x = value(op.input);
  switch (op.op) {
    case Op::kConv:
      return conv_backward(op, dy);
    case Op::kBatchNorm:
      return norm_backward(op, dy);
    case Op::kRelu:
      return add_gradient(op.input, at::threshold_backward(dy, value(op.output), 0));
    case Op::kAdd:
      add_gradient(op.input, dy);
      return add_gradient(op.other, dy);
    case Op::kMaxPool:
      add_gradient(op.input, at::max_pool2d_with_indices_backward(
                                 dy, x, Ints{node.kernel, node.kernel}, Ints{node.stride, node.stride}, Ints{0, 0},
                                 Ints{1, 1}, false, pool_index_[static_cast<std::size_t>(op.node)]));
      pool_index_[static_cast<std::size_t>(op.node)] = at::Tensor();
      return;
    case Op::kGlobalAvgPool: {
      const auto pixels = static_cast<double>(x.size(2) * x.size(3));
      return add_gradient(op.input, channels_last(at::div(dy, pixels).expand_as(x)));
    }
    case Op::kPadShortcut: {
      const at::Tensor dx = at::zeros_like(x);
      shortcut_pixels(node, dx).copy_(dy.narrow(1, node.padding, x.size(1)));
      return add_gradient(op.input, dx);
    }
    case Op::kFlatten:
      return add_gradient(op.input, channels_last(dy.reshape(x.sizes())));
    case Op::kLinear:
      return linear_backward(op, dy);
    case Op::kInput:
      return;
  }
}

void Backprop::conv_backward(const TrainOp& op, const at::Tensor& dy) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor &x = value(op.input), w = optional_parameter(node.weight);
  const at::Tensor& dw = gradients_[static_cast<std::size_t>(node.weight)];
  plans_ ? conv_weight_gradient(planned(node), dy, x, dw) : conv_weight_gradient(unplanned(node), dy, x, dw);
  if (node.bias >= 0 && !only_normed_[static_cast<std::size_t>(op.node)])
    gradients_[static_cast<std::size_t>(node.bias)].copy_(at::sum(dy, {0, 2, 3}, false, at::kFloat));
  if (op.input == 0) return;
  add_gradient(op.input, plans_ ? conv_input_gradient(planned(node), dy, w, x.sizes())
                                : conv_input_gradient(unplanned(node), dy, w, x.sizes()));
}

void Backprop::norm_backward(const TrainOp& op, const at::Tensor& dy) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  const at::Tensor& x = value(op.input);
  // If nothing else reads the input, the gradient overwrites it, which touches less memory.
  const at::Tensor dx = only_normed_[static_cast<std::size_t>(op.input)] ? x : at::empty_like(x);
  const at::Tensor gradient = channels_last(dy);
  NormBackwardArgs args;
  args.shape = shape_of(x, op);
  args.x = x.const_data_ptr();
  if (op.relu && op.other >= 0) args.y = value(op.output).const_data_ptr();
  args.dy = gradient.const_data_ptr();
  args.dx = dx.mutable_data_ptr();
  at::Tensor dother;
  if (op.other >= 0) {
    dother = op.relu ? at::empty_like(x) : gradient;
    if (op.relu) args.dother = dother.mutable_data_ptr();
  }
  args.weight = parameters_[static_cast<std::size_t>(node.weight)].const_data_ptr<float>();
  args.bias = parameters_[static_cast<std::size_t>(node.bias)].const_data_ptr<float>();
  args.dweight = gradients_[static_cast<std::size_t>(node.weight)].mutable_data_ptr<float>();
  args.dbias = gradients_[static_cast<std::size_t>(node.bias)].mutable_data_ptr<float>();
  const NormState& state = norms_[static_cast<std::size_t>(op.node)];
  args.mean = state.mean.const_data_ptr<float>();
  args.invstd = state.invstd.const_data_ptr<float>();
  args.partial = norm_partial(args.shape).mutable_data_ptr<float>();
  run_kernel(args, x.device(), norm_backward_cpu, norm_backward_cuda);
  add_gradient(op.input, dx);
  if (op.other >= 0) add_gradient(op.other, dother);
}

void Backprop::linear_backward(const TrainOp& op, const at::Tensor& dy) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(op.node)];
  gradients_[static_cast<std::size_t>(node.weight)].copy_(at::mm(dy.t(), value(op.input)));
  if (node.bias >= 0) gradients_[static_cast<std::size_t>(node.bias)].copy_(dy.to(at::kFloat).sum(0));
  if (op.input > 0) add_gradient(op.input, at::mm(dy, optional_parameter(node.weight)));
}

}  // namespace thalweg

#include "nn/program.h"

#include <optional>

#include "base/error.h"

namespace thalweg {
namespace {

// A convolution or linear layer whose step is not emitted yet, because what follows may still be fused into it.
struct Pending {
  int layer = -1;  // node of the convolution or linear layer
  int norm = -1;   // node of the batch norm after it
  int other = -1;  // node added to it
};

// The alignment, in elements, of a layer's weights and bias in the folded vector: at least 16 bytes in any type, as
// cuDNN needs.
constexpr std::int64_t kAlignment = 8;

std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

std::int64_t padded_channels(const Graph& graph, std::int64_t multiple) {
  const std::int64_t channels = graph.input_shape()[0];
  for (const Node& node : graph.nodes) {
    const bool reads_images = node.inputs[0] == 0 || node.inputs[1] == 0;
    if (reads_images && node.op != Op::kConv) return channels;
  }
  return round_up(channels, multiple);
}

class Compiler {
 public:
  Compiler(const Graph& graph, const CompileOptions& options)
      : graph_(graph), pending_(graph.nodes.size()), consumers_(graph.nodes.size()) {
    program_.input_channels = padded_channels(graph, options.channel_multiple);
    for (const Node& node : graph.nodes) {
      for (const int input : node.inputs) {
        if (input >= 0) ++consumers_[static_cast<std::size_t>(input)];
      }
    }
    program_.num_slots = static_cast<int>(graph.nodes.size());
  }

  Program run() {
    for (int i = 1; i < program_.num_slots; ++i) {
      visit(i);
      if (pending_at(i) && consumers_[static_cast<std::size_t>(i)] != 1) emit(i, false);
    }
    mark_dead();
    return std::move(program_);
  }

 private:
  const Node& node(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  std::optional<Pending>& pending_at(int i) { return pending_[static_cast<std::size_t>(i)]; }

  void visit(int i) {
    const Node& n = node(i);
    const int input = n.inputs[0];
    switch (n.op) {
      case Op::kInput:
        return;
      case Op::kConv:
      case Op::kLinear:
        settle(input);
        pending_at(i) = Pending{i, -1, -1};
        return;
      case Op::kBatchNorm:
        check(pending_at(input) && pending_at(input)->norm < 0 && pending_at(input)->other < 0,
              "{}: a batch norm must directly follow a convolution or linear layer to be folded", graph_.name);
        pending_at(i) = pending_at(input);
        pending_at(i)->norm = i;
        pending_at(input).reset();
        return;
      case Op::kAdd:
        return visit_add(i);
      case Op::kRelu:
        if (pending_at(input)) return emit_as(input, i, true);
        return plain(i, StepKind::kRelu);
      case Op::kMaxPool:
        return plain(i, StepKind::kMaxPool);
      case Op::kGlobalAvgPool:
        return plain(i, StepKind::kGlobalAvgPool);
      case Op::kPadShortcut:
        return plain(i, StepKind::kPadShortcut);
      case Op::kFlatten:
        return plain(i, StepKind::kFlatten);
    }
  }

  void visit_add(int i) {
    int fused = node(i).inputs[0];
    int other = node(i).inputs[1];
    const auto can_fuse = [&](int candidate) {
      return pending_at(candidate) && pending_at(candidate)->other < 0 &&
             node(pending_at(candidate)->layer).op == Op::kConv;
    };
    if (!can_fuse(fused)) std::swap(fused, other);
    if (!can_fuse(fused) || fused == other) return plain(i, StepKind::kAdd);
    settle(other);
    pending_at(i) = pending_at(fused);
    pending_at(i)->other = other;
    pending_at(fused).reset();
  }

  // Emits the step of node i if it is pending, so that the node's value is in its slot.
  void settle(int i) {
    if (i >= 0 && pending_at(i)) emit(i, false);
  }

  void plain(int i, StepKind kind) {
    const Node& n = node(i);
    settle(n.inputs[0]);
    settle(n.inputs[1]);
    Step step;
    step.kind = kind;
    step.input = n.inputs[0];
    step.other = n.inputs[1];
    step.output = i;
    step.kernel = n.kernel;
    step.stride = n.stride;
    step.padding = n.padding;
    program_.steps.push_back(step);
  }

  void emit(int i, bool relu) { emit_as(i, i, relu); }

  void emit_as(int i, int output, bool relu) {
    const Pending pending = *pending_at(i);
    pending_at(i).reset();
    const Node& layer = node(pending.layer);
    Step step;
    step.kind = layer.op == Op::kConv ? StepKind::kConv : StepKind::kLinear;
    step.input = layer.inputs[0];
    step.other = pending.other;
    step.output = output;
    step.segment = add_segment(layer, pending.norm);
    step.relu = relu;
    step.kernel = layer.kernel;
    step.stride = layer.stride;
    step.padding = layer.padding;
    step.height = node(step.input).shape[1];
    step.width = node(step.input).shape[2];
    program_.steps.push_back(step);
  }

  int add_segment(const Node& layer, int norm) {
    const auto parameter = [&](int index) { return index < 0 ? -1 : graph_.parameters[index].offset; };
    FoldSegment s;
    s.weight = parameter(layer.weight);
    s.bias = parameter(layer.bias);
    s.rows = layer.shape[0];
    s.taps = static_cast<std::int64_t>(layer.kernel) * layer.kernel;
    s.channels = graph_.parameters[layer.weight].numel / (s.rows * s.taps);
    if (norm >= 0) {
      const Node& n = node(norm);
      s.norm_weight = parameter(n.weight);
      s.norm_bias = parameter(n.bias);
      s.mean = graph_.buffers[n.running_mean].offset;
      s.var = graph_.buffers[n.running_var].offset;
      s.eps = n.eps;
    }
    s.out_channels = layer.op == Op::kConv && layer.inputs[0] == 0 ? program_.input_channels : s.channels;
    s.out_weight = program_.folded_size;
    s.out_bias = round_up(s.out_weight + s.rows * s.out_channels * s.taps, kAlignment);
    program_.folded_size = round_up(s.out_bias + s.rows, kAlignment);
    program_.segments.push_back(s);
    return static_cast<int>(program_.segments.size()) - 1;
  }

  void mark_dead() {
    std::vector<bool> needed(graph_.nodes.size(), false);
    needed.back() = true;
    for (auto step = program_.steps.rbegin(); step != program_.steps.rend(); ++step) {
      for (const int slot : {step->input, step->other}) {
        if (slot < 0 || needed[static_cast<std::size_t>(slot)]) continue;
        needed[static_cast<std::size_t>(slot)] = true;
        step->dead.push_back(slot);
      }
    }
  }

  const Graph& graph_;
  std::vector<std::optional<Pending>> pending_;  // by node
  std::vector<int> consumers_;                   // by node
  Program program_;
};

}  // namespace

Program compile(const Graph& graph, const CompileOptions& options) {
  return Compiler(graph, options).run();
}

}  // namespace thalweg

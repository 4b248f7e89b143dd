#include "nn/train_program.h"

namespace thalweg {
namespace {

class TrainCompiler {
 public:
  explicit TrainCompiler(const Graph& graph) : graph_(graph), consumers_(graph.nodes.size()) {
    for (int i = 0; i < size(); ++i) {
      for (const int input : graph.nodes[static_cast<std::size_t>(i)].inputs) {
        if (input >= 0) consumers_[static_cast<std::size_t>(input)].push_back(i);
      }
    }
  }

  std::vector<TrainOp> run() {
    std::vector<bool> fused(graph_.nodes.size(), false);  // done by the step of an earlier node
    std::vector<TrainOp> ops;
    for (int i = 1; i < size(); ++i) {
      const Node& n = node(i);
      if (fused[static_cast<std::size_t>(i)]) continue;
      if (n.op == Op::kBatchNorm && added_to(i) >= 0) continue;  // its step is emitted at the add
      TrainOp op{n.op, i, n.inputs[0], n.inputs[1], i, false, false};
      if (n.op == Op::kAdd) fuse_norm(op);
      if (op.op == Op::kBatchNorm) {
        const int next = only_consumer(op.output);
        if (next >= 0 && node(next).op == Op::kRelu) {
          op.relu = true;
          op.output = next;
          fused[static_cast<std::size_t>(next)] = true;
          fuse_pool(op, fused);
        }
      }
      ops.push_back(op);
    }
    return ops;
  }

 private:
  int size() const { return static_cast<int>(graph_.nodes.size()); }
  const Node& node(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  int only_consumer(int i) const {
    const std::vector<int>& all = consumers_[static_cast<std::size_t>(i)];
    return all.size() == 1 ? all[0] : -1;
  }

  // Returns the add that batch norm `i` is fused with, or -1: of two batch norms, an add is fused with the first.
  int added_to(int i) const {
    const int add = only_consumer(i);
    if (add < 0 || node(add).op != Op::kAdd) return -1;
    return norm_of(add) == i ? add : -1;
  }
  // Returns the batch norm that add `i` is fused with, or -1.
  int norm_of(int i) const {
    for (const int input : node(i).inputs) {
      if (node(input).op == Op::kBatchNorm && only_consumer(input) == i) return input;
    }
    return -1;
  }

  void fuse_norm(TrainOp& op) const {
    const int norm = norm_of(op.node);
    if (norm < 0) return;
    op.op = Op::kBatchNorm;
    op.other = op.input == norm ? op.other : op.input;
    op.node = norm;
    op.input = node(norm).inputs[0];
  }

  void fuse_pool(TrainOp& op, std::vector<bool>& fused) const {
    const int next = only_consumer(op.output);
    if (op.other >= 0 || next < 0 || node(next).op != Op::kMaxPool) return;
    const auto& shape = node(op.output).shape;
    if (node(next).kernel != 2 || node(next).stride != 2 || shape[1] % 2 != 0 || shape[2] % 2 != 0) return;
    op.pool = true;
    op.output = next;
    fused[static_cast<std::size_t>(next)] = true;
  }

  const Graph& graph_;
  std::vector<std::vector<int>> consumers_;  // by node; one that reads a value twice is listed twice
};

}  // namespace

std::vector<TrainOp> compile_training(const Graph& graph) {
  return TrainCompiler(graph).run();
}

}  // namespace thalweg

#include "train/checkpoint_folder.h"

#include <algorithm>
#include <iterator>

#include <ATen/ATen.h>

#include "base/error.h"
#include "io/atomic_file.h"
#include "nn/init.h"
#include "trajectory/folders.h"

namespace thalweg {

Checkpoint starting_point(const RunSpec& spec, const Graph& graph, const std::filesystem::path& run) {
  const std::vector<std::int64_t> steps = checkpoint_steps(run);
  if (!steps.empty()) {
    const std::filesystem::path last = checkpoint_path(run, steps.back());
    const std::string advice =
        steps.size() > 1 ? fmt::format("remove {} to continue from step {}", last.string(), steps[steps.size() - 2])
                         : "remove the run's folder to train it again";
    return with_advice(advice, [&] { return read_checkpoint(last, graph); });
  }
  Checkpoint start;
  if (!spec.fork.empty()) {
    start.state = read_checkpoint(spec.fork, graph).state;
    check(start.state.step == spec.first_step, "{}: the checkpoint is of step {}, but the branch '{}' forks at step {}",
          spec.fork.string(), start.state.step, spec.name, spec.first_step);
    // A branch averages only its own weights.
    start.state.average = at::Tensor();
    start.state.averaged = 0;
    return start;
  }
  start.state = fresh_state(initial_weights(graph, spec.seed), initial_buffers(graph));
  return start;
}

CheckpointFolder::CheckpointFolder(const std::filesystem::path& run, std::int64_t keep_last,
                                   std::function<bool(std::int64_t)> stays)
    : run_(run), keep_last_(keep_last), stays_(std::move(stays)) {
  remove_temporaries(RunFolder{run}.checkpoints());  // each as large as a checkpoint
}

void CheckpointFolder::save(const Checkpoint& checkpoint) const {
  write_checkpoint(run_, checkpoint);
}

void CheckpointFolder::prune() const {
  const std::vector<std::int64_t> steps = checkpoint_steps(run_);
  const std::int64_t num_old = static_cast<std::int64_t>(steps.size()) - keep_last_;
  for (std::int64_t i = 0; i < num_old; ++i) {
    const std::int64_t step = steps[static_cast<std::size_t>(i)];
    if (!stays_(step)) std::filesystem::remove(checkpoint_path(run_, step));
  }
}

std::filesystem::path CheckpointFolder::last_before(std::int64_t step) const {
  const std::vector<std::int64_t> steps = checkpoint_steps(run_);
  const auto next = std::ranges::lower_bound(steps, step);
  return next == steps.begin() ? std::filesystem::path() : checkpoint_path(run_, *std::prev(next));
}

void CheckpointFolder::keep_as_best(std::int64_t step) const {
  const std::filesystem::path source = checkpoint_path(run_, step);
  const std::filesystem::path best = source.parent_path() / "best.safetensors";
  const std::filesystem::path temporary = source.parent_path() / ".best.tmp";
  std::error_code no_links;
  std::filesystem::remove(temporary);  // of a process that was killed here
  std::filesystem::create_hard_link(source, temporary, no_links);
  if (no_links) {
    write_file_atomically(best, read_file(source));
  } else {
    std::filesystem::rename(temporary, best);
    std::filesystem::remove(temporary);  // rename keeps it if both names were already the same file
  }
}

}  // namespace thalweg

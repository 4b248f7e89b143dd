#include "trajectory/run_path.h"

#include <cstring>
#include <map>

#include "base/error.h"

namespace thalweg {
namespace {

using RowOfStep = std::map<std::int64_t, std::size_t>;

void check_run(const RunPath& run, std::size_t index, const std::vector<RunPath>& runs) {
  check(run.infos.size() == run.weights.size() && run.infos.size() == run.buffers.size(),
        "run {}: {} snapshots, {} weight vectors, {} buffer vectors", run.name, run.infos.size(), run.weights.size(),
        run.buffers.size());
  for (std::size_t i = 1; i < run.infos.size(); ++i) {
    check(run.infos[i].step > run.infos[i - 1].step, "run {}: snapshot of step {} after that of step {}", run.name,
          run.infos[i].step, run.infos[i - 1].step);
  }
  check(index > 0 || !run.fork, "run {} comes first and must be the main path, but forks from another run", run.name);
  if (!run.fork) {
    check(!run.infos.empty(), "run {} has no snapshots yet: train it first", run.name);
    return;
  }
  check(run.fork->parent < index, "run {} must fork from a run listed before it", run.name);
  check(run.infos.empty() || run.infos.front().step >= run.fork->step,
        "run {} forks from {} at step {}, but has a snapshot of step {}", run.name, runs[run.fork->parent].name,
        run.fork->step, run.infos.front().step);
}

// Compares bits, so that two diverged snapshots are equal too and the PCA can report what is wrong with them.
bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == b.numel() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

// The last row of `run` at or before `step`.
std::int64_t row_before(const RowOfStep& rows, std::int64_t step, const std::string& branch,
                        const std::string& parent) {
  const auto next = rows.upper_bound(step);
  check(next != rows.begin(), "run {} forks from {} at step {}, before any of its snapshots", branch, parent, step);
  return static_cast<std::int64_t>(std::prev(next)->second);
}

}  // namespace

RunPath load_run(const TrajectoryReader& reader, std::string name, std::optional<Fork> fork) {
  reader.verify();
  RunPath run;
  run.name = std::move(name);
  run.fork = fork;
  for (std::int64_t i = 0; i < reader.size(); ++i) {
    run.infos.push_back(reader.info(i));
    run.weights.push_back(reader.weights(i));
    run.buffers.push_back(reader.buffers(i));
  }
  return run;
}

RowForest collect_rows(const std::vector<RunPath>& runs) {
  check(!runs.empty(), "there are no runs to take snapshots from");
  RowForest forest;
  std::vector<RowOfStep> rows_of(runs.size());
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const RunPath& run = runs[r];
    check_run(run, r, runs);
    RowOfStep* const parent_rows = run.fork ? &rows_of[run.fork->parent] : nullptr;
    std::int64_t last = run.fork ? row_before(*parent_rows, run.fork->step, run.name, runs[run.fork->parent].name)
                        : r == 0 ? -1
                                 : 0;
    for (std::size_t i = 0; i < run.infos.size(); ++i) {
      const std::int64_t step = run.infos[i].step;
      const bool at_fork = run.fork && step == run.fork->step;
      if (at_fork && parent_rows->contains(step)) {
        last = static_cast<std::int64_t>(parent_rows->at(step));
        const WeightRow& start = forest.rows[parent_rows->at(step)];
        check_rows({start, {run.name, step, run.weights[i]}});
        check(same_bits(start.weights, run.weights[i]),
              "run {} should start with the weights of {} at step {}, but they differ: these runs do not belong "
              "together",
              run.name, start.run, step);
      } else {
        forest.rows.push_back({run.name, step, run.weights[i]});
        forest.buffers.push_back(run.buffers[i]);
        forest.parents.push_back(last);
        last = static_cast<std::int64_t>(forest.rows.size()) - 1;
        // Another branch may also leave from this point, of which the parent itself has no snapshot.
        if (at_fork) parent_rows->emplace(step, forest.rows.size() - 1);
      }
      rows_of[r].emplace(step, static_cast<std::size_t>(last));
    }
    if (r == 0) forest.main_final = forest.rows.size() - 1;
  }
  check_rows(forest.rows);
  return forest;
}

}  // namespace thalweg

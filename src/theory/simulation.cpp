#include "theory/simulation.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <unordered_map>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/stop.h"
#include "base/stream.h"
#include "kernels/theory.h"

namespace thalweg {
namespace {

// The most steps and draws per kernel call, which bound memory use and the delay of a stop.
constexpr std::int64_t kMaxSteps = 1024;
constexpr std::int64_t kMaxDraws = 1 << 16;
constexpr int kRecordsADecade = 10;

// Identifies a cell's run from here on: the run it belonged to, and its rates. The hash is computed once, on any
// thread.
struct RunKey {
  RunKey() = default;
  RunKey(std::int64_t run, std::string_view bytes)
      : parent(run), rates(bytes), hash(std::hash<std::string_view>()(bytes) + static_cast<std::size_t>(run)) {}
  bool operator==(const RunKey&) const = default;

  std::int64_t parent = 0;
  std::string_view rates;  // the bytes of the rates
  std::size_t hash = 0;
};

struct HashOfKey {
  std::size_t operator()(const RunKey& key) const { return key.hash; }
};

template <typename T>
class Simulation {
 public:
  explicit Simulation(const TheoryRequest& request)
      : request_(request),
        options_(at::TensorOptions(request.device).dtype(c10::CppTypeToScalarType<T>::value)),
        inputs_(stack(&TheoryProblem::inputs)),
        labels_(stack(&TheoryProblem::labels)),
        target_(stack(&TheoryProblem::target)),
        solution_(stack(&TheoryProblem::solution)),
        weights_(stack(&TheoryProblem::initial).unsqueeze(1)),
        slots_(request.cells.size(), 0) {}

  TheoryRuns run() {
    const TheoryConfig& config = *request_.config;
    TheoryRuns runs;
    runs.num_sets = inputs_.size(0);
    runs.num_cells = num_cells();
    runs.steps = record_steps(config.steps, config.records);
    runs.points.resize(static_cast<std::size_t>(runs.num_sets * runs.num_cells) * runs.steps.size());
    std::vector<at::Tensor> paths;
    std::int64_t step = 0;
    for (std::size_t r = 0; r < runs.steps.size(); ++r) {
      advance(step, runs.steps[r]);
      step = runs.steps[r];
      keep_measures(r, &runs);
      if (request_.keep_paths)
        paths.push_back(weights_.to(at::kCPU, at::kDouble).index_select(1, at::tensor(slots_, at::kLong)));
    }
    if (request_.keep_paths) runs.paths = at::stack(paths, 2);
    return runs;
  }

 private:
  std::int64_t num_cells() const { return static_cast<std::int64_t>(request_.cells.size()); }

  at::Tensor stack(at::Tensor TheoryProblem::*member) const {
    std::vector<at::Tensor> parts;
    for (const TheoryProblem& problem : *request_.problems) parts.push_back(problem.*member);
    return at::stack(parts).to(options_);
  }

  // Runs from `step` to `end`, and measures at `end`.
  void advance(std::int64_t step, std::int64_t end) {
    const TheoryConfig& config = *request_.config;
    const std::int64_t most = std::clamp<std::int64_t>(kMaxDraws / config.draws(), 1, kMaxSteps);
    do {
      throw_if_stopped();
      const std::int64_t count = std::min(end - step, most);
      call_kernel(step, count, step + count == end);
      step += count;
      if (request_.report) request_.report(step);
    } while (step < end);
  }

  void call_kernel(std::int64_t step, std::int64_t count, bool measured) {
    const TheoryConfig& config = *request_.config;
    const at::Tensor rates = split_runs(cell_rates(step, count)).to(request_.device);
    if (measured) measures_ = at::empty({inputs_.size(0), weights_.size(1), 4}, options_);
    TheoryArgs<T> args;
    args.num_sets = inputs_.size(0);
    args.num_cells = weights_.size(1);
    args.num_samples = inputs_.size(1);
    args.dimensions = inputs_.size(2);
    args.gamma = static_cast<T>(config.gamma);
    args.inputs = inputs_.template data_ptr<T>();
    args.labels = labels_.template data_ptr<T>();
    args.target = target_.template data_ptr<T>();
    args.solution = solution_.template data_ptr<T>();
    args.weights = weights_.template data_ptr<T>();
    args.rates = rates.template data_ptr<T>();
    args.rate_stride = rates.size(1);
    args.first_step = step;
    args.num_steps = count;
    args.batch = config.batch;
    args.noise = config.noise == LabelNoise::kFresh ? config.noise_std : 0;
    args.seed = config.seed;
    static_assert(sizeof(TheoryMeasure<T>) == 4 * sizeof(T));
    if (measured) args.measures = reinterpret_cast<TheoryMeasure<T>*>(measures_.template data_ptr<T>());
    run_kernel(args, request_.device, run_theory_cpu, run_theory_cuda);
  }

  // [C, count]: the rate of each cell from `step` on.
  at::Tensor cell_rates(std::int64_t step, std::int64_t count) const {
    at::Tensor rates = at::empty({num_cells(), count}, options_.device(at::kCPU));
    T* out = rates.template data_ptr<T>();
    at::parallel_for(0, num_cells(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const Schedule& schedule = request_.cells[static_cast<std::size_t>(c)].schedule;
        for (std::int64_t i = 0; i < count; ++i) out[c * count + i] = static_cast<T>(schedule.lr(step + i));
      }
    });
    return rates;
  }

  // Cells whose rates have been the same so far share one run. Cells whose rates now differ get a run of their own with
  // a copy of its weights. Returns the rates of the runs, [count, padded].
  at::Tensor split_runs(const at::Tensor& rates) {
    const std::int64_t count = rates.size(1);
    std::vector<std::int64_t> parents, leaders;  // of each new run: the run it came from, and its first cell
    std::unordered_map<RunKey, std::int64_t, HashOfKey> runs;
    runs.reserve(slots_.size());
    const std::vector<RunKey> keys = run_keys(rates);
    for (std::size_t c = 0; c < slots_.size(); ++c) {
      const auto [run, is_new] = runs.try_emplace(keys[c], static_cast<std::int64_t>(leaders.size()));
      if (is_new) {
        parents.push_back(slots_[c]);
        leaders.push_back(static_cast<std::int64_t>(c));
      }
      slots_[c] = run->second;
    }
    const auto num_runs = static_cast<std::int64_t>(leaders.size());
    if (num_runs > weights_.size(1))
      weights_ = weights_.index_select(1, at::tensor(parents, at::kLong).to(request_.device));
    at::Tensor out = at::zeros({count, (num_runs + kTheoryPad - 1) / kTheoryPad * kTheoryPad}, rates.options());
    out.narrow(1, 0, num_runs).copy_(rates.index_select(0, at::tensor(leaders, at::kLong)).t());
    return out;
  }

  // The keys by cell; they are views of `rates`.
  std::vector<RunKey> run_keys(const at::Tensor& rates) const {
    const auto bytes = static_cast<std::size_t>(rates.size(1)) * sizeof(T);
    const char* of_cell = reinterpret_cast<const char*>(rates.template data_ptr<T>());
    std::vector<RunKey> keys(slots_.size());
    at::parallel_for(0, num_cells(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c)
        keys[c] = RunKey(slots_[c], {of_cell + c * bytes, bytes});
    });
    return keys;
  }

  void keep_measures(std::size_t record, TheoryRuns* runs) const {
    const at::Tensor values = measures_.to(at::kCPU, at::kDouble).contiguous();
    const double* v = values.data_ptr<double>();
    for (std::int64_t s = 0; s < runs->num_sets; ++s) {
      for (std::size_t c = 0; c < slots_.size(); ++c) {
        const double* m = v + 4 * (s * values.size(1) + slots_[c]);
        const std::size_t run = static_cast<std::size_t>(s) * slots_.size() + c;
        runs->points[run * runs->steps.size() + record] = {m[0], m[2], std::sqrt(m[1]), std::sqrt(m[3])};
      }
    }
  }

  const TheoryRequest& request_;
  at::TensorOptions options_;
  at::Tensor inputs_, labels_, target_, solution_;  // the arrays of TheoryArgs
  at::Tensor weights_;                              // [S, distinct runs, d]
  at::Tensor measures_;                             // [S, distinct runs, 4]
  std::vector<std::int64_t> slots_;                 // [C] the run of each cell
};

}  // namespace

TheoryRuns simulate(const TheoryRequest& request) {
  return request.config->float64 ? Simulation<double>(request).run() : Simulation<float>(request).run();
}

void throw_if_stopped() {
  if (stop_requested()) throw Stopped("theory: stopped before the end; run the same command again to start over");
}

std::vector<std::int64_t> record_steps(std::int64_t steps, std::int64_t records) {
  std::set<std::int64_t> out{0, steps};
  for (std::int64_t k = 1; k < records; ++k)
    out.insert(std::llround(static_cast<double>(k) * static_cast<double>(steps) / static_cast<double>(records)));
  for (int k = 0;; ++k) {
    const std::int64_t step = std::llround(std::pow(10.0, static_cast<double>(k) / kRecordsADecade));
    if (step >= steps) break;
    out.insert(step);
  }
  return {out.begin(), out.end()};
}

}  // namespace thalweg

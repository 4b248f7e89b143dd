// Formulas: kernels/theory.h. One run per block, and one warp per block: lane l holds the elements l, l + 32, ... of
// the weights and of the step's sum in shared memory. No other lane reads them, so nothing has to wait except the
// butterfly sums, which give every lane the same bits. Of 32 consecutive draws each lane makes one, and the others
// fetch it.
// Elements read: 2 d per step from shared memory; the inputs (n d per data set) come from L1 and L2.
#include "kernels/launch.cuh"
#include "kernels/theory.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kWarp = 32;
};
constexpr unsigned kAllLanes = 0xffffffffu;

template <typename T>
__device__ T add_lanes(T value) {
  for (int offset = Tuning::kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(kAllLanes, value, offset);
  return value;
}

// The sum of term(k) over k < count.
template <typename T, typename Term>
__device__ T sum_over(int count, Term term) {
  T sum = 0;
  for (int k = static_cast<int>(threadIdx.x); k < count; k += Tuning::kWarp) sum += term(k);
  return add_lanes(sum);
}

// Returns the draws one after the other; each lane makes every 32nd.
template <typename T>
struct DrawStream {
  const TheoryArgs<T>& args;
  std::int64_t batch;
  std::int64_t next = 0;
  TheoryDraw mine{0, 0};

  __device__ TheoryDraw fetch(std::int64_t set) {
    const int lane = static_cast<int>(next % Tuning::kWarp);
    if (lane == 0) {
      const std::int64_t i = next + threadIdx.x;
      mine = draw_theory(args.seed + static_cast<std::uint64_t>(set), args.first_step + i / batch, i % batch,
                         args.batch, args.num_samples, args.noise);
    }
    ++next;
    return {static_cast<std::int64_t>(__shfl_sync(kAllLanes, static_cast<long long>(mine.sample), lane)),
            __shfl_sync(kAllLanes, mine.noise, lane)};
  }
};

template <TheoryPower kPower, typename T>
__device__ void run_steps(const TheoryArgs<T>& args, std::int64_t set, std::int64_t cell, T* w, T* pulls) {
  const int d = static_cast<int>(args.dimensions);
  const std::int64_t batch = args.batch == 0 ? args.num_samples : args.batch;
  const T* inputs = args.inputs + set * args.num_samples * d;
  const T* labels = args.labels + set * args.num_samples;
  DrawStream<T> draws{args, batch};
  T norm = sum_over<T>(d, [&](int k) { return w[k] * w[k]; });
  for (std::int64_t step = 0; step < args.num_steps; ++step) {
    const T rate = args.rates[step * args.rate_stride + cell] / static_cast<T>(batch);
    const T scale = theory_scale<kPower>(norm, args.gamma);
    T keep = 1;
    for (std::int64_t b = 0; b < batch; ++b) {
      const TheoryDraw draw = draws.fetch(set);
      const T* x = inputs + draw.sample * d;
      const T product = sum_over<T>(d, [&](int k) { return w[k] * x[k]; });
      const auto pull = theory_pull(rate, scale, norm, args.gamma, product,
                                    static_cast<T>(labels[draw.sample] + static_cast<T>(draw.noise)));
      keep -= pull.shrink;
      for (int k = static_cast<int>(threadIdx.x); k < d; k += Tuning::kWarp)
        pulls[k] = (b == 0 ? T(0) : pulls[k]) + pull.take * x[k];
    }
    norm = sum_over<T>(d, [&](int k) {
      const T value = keep * w[k] - pulls[k];
      w[k] = value;
      return value * value;
    });
  }
}

template <TheoryPower kPower, typename T>
__device__ void measure(const TheoryArgs<T>& args, std::int64_t set, std::int64_t run, const T* w) {
  const int d = static_cast<int>(args.dimensions);
  const T norm = sum_over<T>(d, [&](int k) { return w[k] * w[k]; });
  const T scale = theory_scale<kPower>(norm, args.gamma);
  T loss = 0;
  for (std::int64_t i = set * args.num_samples; i < (set + 1) * args.num_samples; ++i) {
    const T* x = args.inputs + i * d;
    const T r = scale * sum_over<T>(d, [&](int k) { return w[k] * x[k]; }) - args.labels[i];
    loss += r * r;
  }
  const T* target = args.target + set * d;
  const T* solution = args.solution + set * d;
  const T risk = sum_over<T>(d, [&](int k) { return (scale * w[k] - target[k]) * (scale * w[k] - target[k]); });
  const T distance = sum_over<T>(d, [&](int k) { return (w[k] - solution[k]) * (w[k] - solution[k]); });
  if (threadIdx.x == 0) args.measures[run] = {loss / static_cast<T>(2 * args.num_samples), norm, risk / 2, distance};
}

template <TheoryPower kPower, typename T>
__global__ void theory_kernel(TheoryArgs<T> args) {
  THALWEG_DYNAMIC_SHARED(unsigned char, shared);
  T* w = reinterpret_cast<T*>(shared);
  const int d = static_cast<int>(args.dimensions);
  const std::int64_t run = blockIdx.x, set = run / args.num_cells;
  T* weights = args.weights + run * d;
  for (int k = static_cast<int>(threadIdx.x); k < d; k += Tuning::kWarp) w[k] = weights[k];
  run_steps<kPower>(args, set, run % args.num_cells, w, w + d);
  for (int k = static_cast<int>(threadIdx.x); k < d; k += Tuning::kWarp) weights[k] = w[k];
  if (args.measures != nullptr) measure<kPower>(args, set, run, w);
}

template <typename T>
void run_all(const TheoryArgs<T>& args, cudaStream_t stream) {
  const Geometry geometry{dim3(static_cast<unsigned>(args.num_sets * args.num_cells)), dim3(Tuning::kWarp),
                          2 * static_cast<std::size_t>(args.dimensions) * sizeof(T)};
  switch (theory_power(static_cast<double>(args.gamma))) {
    case TheoryPower::kZero:
      return launch("theory", theory_kernel<TheoryPower::kZero, T>, geometry, stream, args);
    case TheoryPower::kOne:
      return launch("theory", theory_kernel<TheoryPower::kOne, T>, geometry, stream, args);
    case TheoryPower::kTwo:
      return launch("theory", theory_kernel<TheoryPower::kTwo, T>, geometry, stream, args);
    case TheoryPower::kAny:
      return launch("theory", theory_kernel<TheoryPower::kAny, T>, geometry, stream, args);
  }
}

}  // namespace

void run_theory_cuda(const TheoryArgs<float>& args, cudaStream_t stream) {
  run_all(args, stream);
}

void run_theory_cuda(const TheoryArgs<double>& args, cudaStream_t stream) {
  run_all(args, stream);
}

}  // namespace thalweg

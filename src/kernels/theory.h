// SGD on the nonlinear model f(x; w) = ||w||^gamma w.x of Ren, Ma and Ying (AISTATS 2024, arXiv:2401.11600), loss
// (f - y)^2 / 2: many independent runs at once. A run is a pair (data set s, cell c): the runs of one data set share
// inputs, labels, the order of the samples and the noise, and differ in their learning rates.
//
// With q = ||w||^2, p = w.x, residual r = q^(gamma/2) p - (y + noise), the gradient of one sample is
//   r q^(gamma/2) (x + gamma (p / q) w),
// and 0 at w = 0 if gamma > 0. A step uses its mean over a batch, drawn with replacement.
//
// The samples and the label noise of a step are functions of (seed of the data set, step, place in the batch) alone,
// and a run's arithmetic is independent of other runs, so its bits depend neither on the number of threads nor on how
// many runs are computed together. CPU and GPU add in different orders.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"
#include "base/rng.h"

namespace thalweg {

// Rows of `rates` are padded to a multiple of this many cells.
constexpr std::int64_t kTheoryPad = 16;

// Measurements of a run, in the type that it is computed in.
template <typename T>
struct TheoryMeasure {
  T train_loss;    // mean of (f - y)^2 / 2 over the samples, with the labels of the data set
  T squared_norm;  // ||w||^2
  T risk;          // E (f_w - f_target)^2 / 2 for x ~ N(0, I): || ||w||^gamma w - target ||^2 / 2
  T distance;      // || w - minimum-norm solution ||^2
};

template <typename T>
struct TheoryArgs {
  std::int64_t num_sets = 0;     // S
  std::int64_t num_cells = 0;    // C
  std::int64_t num_samples = 0;  // n
  std::int64_t dimensions = 0;   // d, 1 to kMaxTheoryDimensions
  T gamma = 0;
  const T* inputs = nullptr;             // [S, n, d]
  const T* labels = nullptr;             // [S, n]
  const T* target = nullptr;             // [S, d] ||w*||^gamma w*
  const T* solution = nullptr;           // [S, d] the minimum-norm solution
  T* weights = nullptr;                  // [S, C, d], updated
  const T* rates = nullptr;              // [num_steps, rate_stride] learning rates; 0 for cells beyond C
  std::int64_t rate_stride = 0;          // C, or C rounded up to a multiple of kTheoryPad (as the CPU needs)
  std::int64_t first_step = 0;           // selects the random numbers of the first row of `rates`
  std::int64_t num_steps = 0;            // may be 0: only measures
  std::int64_t batch = 1;                // samples per step; 0: all, each once
  double noise = 0;                      // standard deviation of the label noise drawn at each step
  std::uint64_t seed = 0;                // data set s uses seed + s
  TheoryMeasure<T>* measures = nullptr;  // [S, C] after the last step; nullptr: none
};

// Limited by the GPU, on which a warp keeps two vectors in 48 KB of shared memory.
constexpr std::int64_t kMaxTheoryDimensions = 3072;

// The sample and label noise at one place of a batch.
struct TheoryDraw {
  std::int64_t sample;
  double noise;
};

THALWEG_HD inline TheoryDraw draw_theory(std::uint64_t seed, std::int64_t step, std::int64_t place, std::int64_t batch,
                                         std::int64_t num_samples, double noise) {
  if (batch == 0 && noise == 0) return {place, 0};
  Philox stream(seed, RngPurpose::kTheoryStep, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(place));
  const std::int64_t drawn = stream.below(static_cast<std::uint32_t>(num_samples));
  TheoryDraw draw{batch == 0 ? place : drawn, 0};
  if (noise > 0) {  // Box-Muller
    const double radius = sqrt(-2.0 * log(stream.uniform()));
    draw.noise = noise * radius * cos(6.283185307179586 * stream.uniform());
  }
  return draw;
}

// How ||w||^gamma is computed from ||w||^2: the most common exponents need no pow.
enum class TheoryPower { kZero, kOne, kTwo, kAny };

inline TheoryPower theory_power(double gamma) {
  return gamma == 0   ? TheoryPower::kZero
         : gamma == 1 ? TheoryPower::kOne
         : gamma == 2 ? TheoryPower::kTwo
                      : TheoryPower::kAny;
}

template <TheoryPower kPower, typename T>
THALWEG_HD inline T theory_scale(T squared_norm, T gamma) {
  if constexpr (kPower == TheoryPower::kZero) return T(1);
  if constexpr (kPower == TheoryPower::kOne) return std::sqrt(squared_norm);
  if constexpr (kPower == TheoryPower::kTwo) return squared_norm;
  return std::pow(squared_norm, gamma / 2);
}

// The contribution of one sample to a step: w <- (1 - sum of `shrink`) w - sum of `take` x.
template <typename T>
struct TheoryPull {
  T take;
  T shrink;
};

// `rate` is the learning rate divided by the batch size.
template <typename T>
THALWEG_HD inline TheoryPull<T> theory_pull(T rate, T scale, T squared_norm, T gamma, T product, T label) {
  // At w = 0, `shrink` is 0 because the scale or gamma is.
  const T divisor = squared_norm > 0 ? squared_norm : T(1);
  const T take = rate * (scale * product - label) * scale;
  return {take, gamma * take * product / divisor};
}

void run_theory_cpu(const TheoryArgs<float>& args);
void run_theory_cpu(const TheoryArgs<double>& args);
void run_theory_cuda(const TheoryArgs<float>& args, cudaStream_t stream);
void run_theory_cuda(const TheoryArgs<double>& args, cudaStream_t stream);

}  // namespace thalweg

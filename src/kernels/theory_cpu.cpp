// One run per SIMD lane: the weights of a group of adjacent cells of one data set are a block [d][lanes] that stays in
// the L1 cache (13 KB at d = 200) during all steps of a call. The lanes share the sample, so a step broadcasts its d
// elements, once for the products and once for the update: one multiplication and three fused multiply-adds per element
// and lane. With one sample per step, a single pass over the weights updates them and computes their products with the
// next sample.
//
// This file is compiled with contraction. Without FMA, which processors have had since 2013, the last bits differ.
#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/simd.h"
#include "kernels/theory.h"

// Functions that return vectors have a different ABI on each instruction set; here all of them are inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace thalweg {
namespace {

constexpr std::int64_t kBytes = 64;

template <typename T>
constexpr std::int64_t kLanes = kBytes / static_cast<std::int64_t>(sizeof(T));

template <typename T>
struct alignas(kBytes) Block {
  T lane[kLanes<T>];
};

template <typename T, int kVectorBytes>
struct Simd {
  typedef T Vector __attribute__((vector_size(kVectorBytes), may_alias));
};

// A block as two vectors, for processors whose vectors have half its size: GCC splits larger ones, through memory.
template <typename T>
struct __attribute__((may_alias)) Halves {
  using Vector = typename Simd<T, kBytes / 2>::Vector;
  Vector low, high;

  THALWEG_INLINE void operator+=(const Halves& b) { low += b.low, high += b.high; }
  THALWEG_INLINE void operator-=(const Halves& b) { low -= b.low, high -= b.high; }
  friend THALWEG_INLINE Halves operator+(const Halves& a, const Halves& b) { return {a.low + b.low, a.high + b.high}; }
  friend THALWEG_INLINE Halves operator-(const Halves& a, const Halves& b) { return {a.low - b.low, a.high - b.high}; }
  friend THALWEG_INLINE Halves operator*(const Halves& a, const Halves& b) { return {a.low * b.low, a.high * b.high}; }
  friend THALWEG_INLINE Halves operator+(const Halves& a, T b) { return {a.low + b, a.high + b}; }
  friend THALWEG_INLINE Halves operator-(const Halves& a, T b) { return {a.low - b, a.high - b}; }
  friend THALWEG_INLINE Halves operator*(const Halves& a, T b) { return {a.low * b, a.high * b}; }
};

// The random numbers of one data set's steps, shared by all its groups of lanes.
template <typename T>
struct Draws {
  std::vector<std::int64_t> samples;  // [steps, B]
  std::vector<T> noise;               // [steps, B]
};

// A group of lanes, with its working memory.
template <typename T>
struct Group {
  const TheoryArgs<T>* args;
  std::int64_t set, first_cell, num_lanes;
  const Draws<T>* draws;
  Block<T>* weights;  // [d]
  Block<T>* takes;    // [B]
};

template <typename T>
std::int64_t batch_size(const TheoryArgs<T>& args) {
  return args.batch == 0 ? args.num_samples : args.batch;
}

template <typename T>
Draws<T> draw_steps(const TheoryArgs<T>& args, std::int64_t set) {
  const std::int64_t batch = batch_size(args), count = args.num_steps * batch;
  Draws<T> draws{std::vector<std::int64_t>(static_cast<std::size_t>(count)),
                 std::vector<T>(static_cast<std::size_t>(count))};
  for (std::int64_t i = 0; i < count; ++i) {
    const TheoryDraw draw = draw_theory(args.seed + static_cast<std::uint64_t>(set), args.first_step + i / batch,
                                        i % batch, args.batch, args.num_samples, args.noise);
    draws.samples[static_cast<std::size_t>(i)] = draw.sample;
    draws.noise[static_cast<std::size_t>(i)] = static_cast<T>(draw.noise);
  }
  return draws;
}

// Returns the sum of term(k) over k < count: four independent partial sums, added in a fixed order.
template <typename Vector, typename Term>
THALWEG_INLINE Vector sum_over(std::int64_t count, Term term) {
  Vector s0 = {}, s1 = {}, s2 = {}, s3 = {};
  std::int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    s0 += term(k);
    s1 += term(k + 1);
    s2 += term(k + 2);
    s3 += term(k + 3);
  }
  for (; k < count; ++k) s0 += term(k);
  return (s0 + s1) + (s2 + s3);
}

template <typename Vector, typename T>
THALWEG_INLINE Vector product(const Vector* w, const T* x, std::int64_t d) {
  return sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA { return w[k] * x[k]; });
}

// Computes what one sample contributes to a step of each lane (theory_pull), from the lanes' squared norms and their
// products with it. Uses arrays, because GCC does not vectorise loops over a vector's elements.
template <TheoryPower kPower, typename T>
THALWEG_INLINE void pull_lanes(const Block<T>& norm, const Block<T>& product, const T* rates, T share, T gamma, T label,
                               Block<T>& take, Block<T>& keep) {
#pragma GCC ivdep
  for (std::int64_t l = 0; l < kLanes<T>; ++l) {
    const T scale = theory_scale<kPower>(norm.lane[l], gamma);
    const auto pull = theory_pull(rates[l] * share, scale, norm.lane[l], gamma, product.lane[l], label);
    take.lane[l] = pull.take;
    keep.lane[l] -= pull.shrink;
  }
}

template <typename Vector, typename T>
THALWEG_INLINE Vector& vector_of(Block<T>& block) {
  return *reinterpret_cast<Vector*>(block.lane);
}

// Two sums at once.
template <typename Vector>
struct Two {
  Vector first = {}, second = {};

  THALWEG_INLINE void operator+=(const Two& b) { first += b.first, second += b.second; }
  friend THALWEG_INLINE Two operator+(const Two& a, const Two& b) { return {a.first + b.first, a.second + b.second}; }
};

// A single vector of a block.
template <typename Vector>
struct Part {
  using Type = Vector;
};
template <typename T>
struct Part<Halves<T>> {
  using Type = typename Halves<T>::Vector;
};

// Steps of one sample each. A pass over the weights goes by one vector of the blocks after the other, which leaves
// enough registers for the sums.
template <typename Vector, TheoryPower kPower, typename T>
THALWEG_INLINE void run_single_steps(const Group<T>& group) {
  constexpr std::int64_t kParts = kBytes / static_cast<std::int64_t>(sizeof(Vector));
  const TheoryArgs<T>& args = *group.args;
  if (args.num_steps == 0) return;
  const std::int64_t d = args.dimensions;
  const T* inputs = args.inputs + group.set * args.num_samples * d;
  const T* labels = args.labels + group.set * args.num_samples;
  const std::int64_t* samples = group.draws->samples.data();
  Block<T> norm, products, takes, keeps;
  // Replaces each weight by update(weight, k), and computes what a step with the sample `next` needs.
  const auto pass = [&](std::int64_t part, const T* next, const auto& update) THALWEG_INLINED_LAMBDA {
    Vector* w = reinterpret_cast<Vector*>(group.weights) + part;
    const auto sums = sum_over<Two<Vector>>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA {
      const Vector value = update(w[k * kParts], k);
      w[k * kParts] = value;
      return Two<Vector>{value * value, value * next[k]};
    });
    (&vector_of<Vector>(norm))[part] = sums.first;
    (&vector_of<Vector>(products))[part] = sums.second;
  };
  for (std::int64_t part = 0; part < kParts; ++part)
    pass(part, inputs + samples[0] * d, [](const Vector& w, std::int64_t) THALWEG_INLINED_LAMBDA { return w; });
  for (std::int64_t step = 0; step < args.num_steps; ++step) {
    const T* x = inputs + samples[step] * d;
    const T* next = inputs + samples[std::min(step + 1, args.num_steps - 1)] * d;
    std::fill_n(keeps.lane, kLanes<T>, T(1));
    pull_lanes<kPower>(norm, products, args.rates + step * args.rate_stride + group.first_cell, T(1), args.gamma,
                       labels[samples[step]] + group.draws->noise[static_cast<std::size_t>(step)], takes, keeps);
    for (std::int64_t part = 0; part < kParts; ++part) {
      const Vector take = (&vector_of<Vector>(takes))[part], keep = (&vector_of<Vector>(keeps))[part];
      pass(part, next, [&](const Vector& w, std::int64_t k) THALWEG_INLINED_LAMBDA {
        // GCC fuses the first product that it meets, which must be the one with `keep`: rounded by itself, that would
        // lose what a small rate takes off.
        Vector value = w;
        if constexpr (kPower != TheoryPower::kZero) value = keep * value;
        return value - take * x[k];
      });
    }
  }
}

template <typename Vector, TheoryPower kPower, typename T>
THALWEG_INLINE void run_steps(const Group<T>& group) {
  const TheoryArgs<T>& args = *group.args;
  const std::int64_t d = args.dimensions, batch = batch_size(args);
  const T* inputs = args.inputs + group.set * args.num_samples * d;
  const T* labels = args.labels + group.set * args.num_samples;
  Vector* w = reinterpret_cast<Vector*>(group.weights);
  const Vector* takes = reinterpret_cast<const Vector*>(group.takes);
  const T share = T(1) / static_cast<T>(batch);
  Block<T> norm, products, keeps;
  vector_of<Vector>(norm) = sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA { return w[k] * w[k]; });
  for (std::int64_t step = 0; step < args.num_steps; ++step) {
    const std::int64_t* samples = group.draws->samples.data() + step * batch;
    const T* noise = group.draws->noise.data() + step * batch;
    const T* rates = args.rates + step * args.rate_stride + group.first_cell;
    vector_of<Vector>(keeps) = Vector{} + T(1);
    for (std::int64_t b = 0; b < batch; ++b) {
      vector_of<Vector>(products) = product(w, inputs + samples[b] * d, d);
      pull_lanes<kPower>(norm, products, rates, share, args.gamma, labels[samples[b]] + noise[b], group.takes[b],
                         keeps);
    }
    const T* first = inputs + samples[0] * d;
    const Vector take = takes[0], keep = vector_of<Vector>(keeps);
    vector_of<Vector>(norm) = sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA {
      Vector value = w[k];
      // GCC fuses the first product that it meets, which must be the one with `keep`: rounded by itself, that would
      // lose what a small rate takes off.
      if constexpr (kPower != TheoryPower::kZero) value = keep * value;
      value -= take * first[k];
      for (std::int64_t b = 1; b < batch; ++b) value -= takes[b] * inputs[samples[b] * d + k];
      w[k] = value;
      return value * value;
    });
  }
}

template <typename Vector, TheoryPower kPower, typename T>
THALWEG_INLINE void measure(const Group<T>& group) {
  const TheoryArgs<T>& args = *group.args;
  const std::int64_t d = args.dimensions, n = args.num_samples;
  const Vector* w = reinterpret_cast<const Vector*>(group.weights);
  const T* target = args.target + group.set * d;
  const T* solution = args.solution + group.set * d;
  Block<T> norm, scales, loss, risk, distance;
  vector_of<Vector>(norm) = sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA { return w[k] * w[k]; });
  for (std::int64_t l = 0; l < kLanes<T>; ++l) scales.lane[l] = theory_scale<kPower>(norm.lane[l], args.gamma);
  const Vector scale = vector_of<Vector>(scales);
  vector_of<Vector>(loss) = sum_over<Vector>(n, [&](std::int64_t i) THALWEG_INLINED_LAMBDA {
    const Vector p = product(w, args.inputs + (group.set * n + i) * d, d);
    const Vector r = scale * p - args.labels[group.set * n + i];
    return r * r;
  });
  vector_of<Vector>(risk) = sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA {
    const Vector r = scale * w[k] - target[k];
    return r * r;
  });
  vector_of<Vector>(distance) = sum_over<Vector>(d, [&](std::int64_t k) THALWEG_INLINED_LAMBDA {
    const Vector r = w[k] - solution[k];
    return r * r;
  });
  TheoryMeasure<T>* out = args.measures + group.set * args.num_cells + group.first_cell;
  for (std::int64_t l = 0; l < group.num_lanes; ++l)
    out[l] = {loss.lane[l] / static_cast<T>(2 * n), norm.lane[l], risk.lane[l] / 2, distance.lane[l]};
}

template <typename Vector, TheoryPower kPower, typename T>
THALWEG_INLINE void run_group(const Group<T>& group) {
  if (group.args->batch == 1) {
    run_single_steps<typename Part<Vector>::Type, kPower>(group);
  } else {
    run_steps<Vector, kPower>(group);
  }
  if (group.args->measures != nullptr) measure<Vector, kPower>(group);
}

template <typename Vector, typename T>
THALWEG_INLINE void choose_power(const Group<T>& group) {
  switch (theory_power(static_cast<double>(group.args->gamma))) {
    case TheoryPower::kZero:
      return run_group<Vector, TheoryPower::kZero>(group);
    case TheoryPower::kOne:
      return run_group<Vector, TheoryPower::kOne>(group);
    case TheoryPower::kTwo:
      return run_group<Vector, TheoryPower::kTwo>(group);
    case TheoryPower::kAny:
      return run_group<Vector, TheoryPower::kAny>(group);
  }
}

template <typename T>
void run_lanes(const Group<T>& group) {
  with_vectors([&]<int kFloats>() THALWEG_INLINED_LAMBDA {
    if constexpr (kFloats == 8) {
      choose_power<Halves<T>>(group);
    } else {
      choose_power<typename Simd<T, kBytes>::Vector>(group);
    }
  });
}

// The weights of a run in [C, d]. load_weights and store_weights copy between [C, d] and [d][lanes]; lanes without a
// cell stay zero.
template <typename T>
T* run_weights(const Group<T>& group, std::int64_t lane) {
  const TheoryArgs<T>& args = *group.args;
  return args.weights + (group.set * args.num_cells + group.first_cell + lane) * args.dimensions;
}

template <typename T>
void load_weights(const Group<T>& group) {
  std::fill_n(group.weights, group.args->dimensions, Block<T>{});
  for (std::int64_t l = 0; l < group.num_lanes; ++l) {
    const T* from = run_weights(group, l);
    for (std::int64_t k = 0; k < group.args->dimensions; ++k) group.weights[k].lane[l] = from[k];
  }
}

template <typename T>
void store_weights(const Group<T>& group) {
  for (std::int64_t l = 0; l < group.num_lanes; ++l) {
    T* to = run_weights(group, l);
    for (std::int64_t k = 0; k < group.args->dimensions; ++k) to[k] = group.weights[k].lane[l];
  }
}

template <typename T>
void run_all(const TheoryArgs<T>& args) {
  std::vector<Draws<T>> draws(static_cast<std::size_t>(args.num_sets));
  at::parallel_for(0, args.num_sets, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) draws[static_cast<std::size_t>(s)] = draw_steps(args, s);
  });
  const std::int64_t groups = (args.num_cells + kLanes<T> - 1) / kLanes<T>;
  at::parallel_for(0, args.num_sets * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Block<T>> weights(static_cast<std::size_t>(args.dimensions));
    std::vector<Block<T>> takes(static_cast<std::size_t>(batch_size(args)));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t set = i / groups, first = i % groups * kLanes<T>;
      const Group<T> group{&args,
                           set,
                           first,
                           std::min(kLanes<T>, args.num_cells - first),
                           &draws[static_cast<std::size_t>(set)],
                           weights.data(),
                           takes.data()};
      load_weights(group);
      run_lanes(group);
      store_weights(group);
    }
  });
}

}  // namespace

void run_theory_cpu(const TheoryArgs<float>& args) {
  run_all(args);
}

void run_theory_cpu(const TheoryArgs<double>& args) {
  run_all(args);
}

}  // namespace thalweg

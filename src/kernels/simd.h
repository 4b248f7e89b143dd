// For the CPU twins: functions compiled for several instruction sets, of which the processor's best is taken.
//
// THALWEG_SIMD leaves the choice to the loader. Loops that are written in vectors go through with_vectors: vectors
// wider than the instruction set's GCC takes apart through memory, and selects among them element by element.
//
// Files that use these are compiled without contraction of a * b + c into one rounding (CMakeLists.txt), so that each
// instruction set gives the same bits; but for theory_cpu.cpp, for speed.
#pragma once

#if defined(__x86_64__)
#define THALWEG_AVX512F __attribute__((target("avx512f")))
#define THALWEG_AVX2 __attribute__((target("avx2,fma")))
#else
#define THALWEG_AVX512F
#define THALWEG_AVX2
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define THALWEG_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define THALWEG_SIMD
#endif
// What such a function calls, so that it is compiled with it.
#define THALWEG_INLINE inline __attribute__((always_inline))
// The same of a lambda, behind its parameters: one that is not inlined is compiled for the oldest instruction set.
#define THALWEG_INLINED_LAMBDA __attribute__((always_inline))

namespace thalweg {

inline bool has_avx512f() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

inline bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

// Calls work<W>(), a lambda with THALWEG_INLINED_LAMBDA, compiled for the processor's best instruction set: W is the
// number of floats in its vectors.
template <typename Work>
THALWEG_AVX512F void with_avx512_vectors(const Work& work) {
  work.template operator()<16>();
}
template <typename Work>
THALWEG_AVX2 void with_avx2_vectors(const Work& work) {
  work.template operator()<8>();
}
template <typename Work>
void with_vectors(const Work& work) {
  if (has_avx512f()) return with_avx512_vectors(work);
  if (has_avx2()) return with_avx2_vectors(work);
  work.template operator()<4>();
}

}  // namespace thalweg

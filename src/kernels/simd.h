// Compiles functions of the CPU kernels for several instruction sets; the best one that the processor supports is used.
//
// THALWEG_SIMD leaves the choice to the loader. Loops written with explicit vectors use with_vectors instead: GCC
// splits vectors wider than those of the instruction set through memory, and selects among them element by element.
//
// Files that use these are compiled without contraction of a * b + c into one rounding (CMakeLists.txt), so that all
// instruction sets give the same bits. The exception is theory_cpu.cpp, for speed.
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
// For functions that a THALWEG_SIMD function calls: they must be inlined to be compiled for its instruction set.
#define THALWEG_INLINE inline __attribute__((always_inline))
// The same for a lambda, written after its parameters. A lambda that is not inlined is compiled for the oldest
// instruction set.
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

// Calls work<W>() compiled for the processor's best instruction set; W is the number of floats in its vectors. `work`
// must be a lambda with THALWEG_INLINED_LAMBDA.
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

// For the CPU twins: a function compiled for several instruction sets, of which the processor's best is taken when the
// program is loaded.
//
// Files that use THALWEG_SIMD are compiled without contraction of a * b + c into one rounding (CMakeLists.txt), so that
// each instruction set gives the same bits. THALWEG_SIMD_FMA is for a file that is compiled with it, for speed.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define THALWEG_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#define THALWEG_SIMD_FMA __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define THALWEG_SIMD
#define THALWEG_SIMD_FMA
#endif
// What such a function calls, so that it is compiled with it.
#define THALWEG_INLINE inline __attribute__((always_inline))
// The same of a lambda, behind its parameters: one that is not inlined is compiled for the oldest instruction set.
#define THALWEG_INLINED_LAMBDA __attribute__((always_inline))

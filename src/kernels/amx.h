// Intel's Advanced Matrix Extensions (AMX). Each thread has eight tile registers of 16 rows of 64 bytes. One
// instruction multiplies 16 rows of 32 bfloat16s by 16 rows of 16 bfloat16 pairs and adds the product to a tile of
// 16 x 16 float32 sums:
//
//   sums[i][j] += sum over p below 16 of  a[i][2p] * b[p][2j] + a[i][2p + 1] * b[p][2j + 1]
//
// in float32, rounding to nearest and treating denormals as 0 (Intel, Software Developer's Manual, TDPBF16PS).
#pragma once

#include <cstdint>

#include "kernels/conv_taps.h"

#ifdef THALWEG_AVX512
#define THALWEG_AMX __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bf16,avx512vl,avx512bw")))

namespace thalweg {

constexpr std::int64_t kTileRows = 16;
constexpr std::int64_t kTileRowBytes = 64;

// A compiler barrier, needed before tile loads from `memory`: the compiler does not see what they read, and might
// otherwise delay earlier writes.
inline void finish_writing_for_tiles(const void* memory) {
  asm volatile("" ::"r"(memory) : "memory");
}

// Configures all tiles of the thread to full size for the lifetime of the object.
class WholeTiles {
 public:
  THALWEG_AMX WholeTiles() {
    struct alignas(64) Config {  // the layout that the processor reads
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } config;
    for (int tile = 0; tile < 8; ++tile) {
      config.row_bytes[tile] = kTileRowBytes;
      config.rows[tile] = kTileRows;
    }
    finish_writing_for_tiles(&config);
    _tile_loadconfig(&config);
  }
  THALWEG_AMX ~WholeTiles() { _tile_release(); }
  WholeTiles(const WholeTiles&) = delete;
  WholeTiles& operator=(const WholeTiles&) = delete;
};

// The sums, [32 rows][32 columns], are two by two tiles in registers 0 to 3.
THALWEG_AMX THALWEG_INLINE void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
// `row` is the row stride of `sums` in floats.
THALWEG_AMX THALWEG_INLINE void load_sums(const float* sums, std::int64_t row) {
  _tile_loadd(0, sums, row * 4);
  _tile_loadd(1, sums + 16, row * 4);
  _tile_loadd(2, sums + 16 * row, row * 4);
  _tile_loadd(3, sums + 16 * row + 16, row * 4);
}
// Adds `count` products to the sums, advancing both operands by 2 kB each time: `a` is [32 rows][32 values], `b` two
// blocks of [16 pairs][16 columns].
THALWEG_AMX THALWEG_INLINE void add_tile_products(const BFloat16* a, const ConvWord* b, std::int64_t count) {
  for (; count > 0; --count, a += 1024, b += 512) {
    _tile_loadd(4, a, kTileRowBytes);
    _tile_loadd(6, b, kTileRowBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + 256, kTileRowBytes);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + 512, kTileRowBytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}
THALWEG_AMX THALWEG_INLINE void store_sums(float* sums, std::int64_t row) {
  _tile_stored(0, sums, row * 4);
  _tile_stored(1, sums + 16, row * 4);
  _tile_stored(2, sums + 16 * row, row * 4);
  _tile_stored(3, sums + 16 * row + 16, row * 4);
}

}  // namespace thalweg
#endif

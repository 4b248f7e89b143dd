// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// A stream is a function of (seed, purpose, a, b) alone. Nothing depends on the order in which streams are used, so
// data order, augmentation and initial weights do not depend on the number of threads, the batch size or where a run
// was resumed. Usable on host and device.
#pragma once

#include <cstdint>

#include "base/cuda.h"

namespace thalweg {

// What a stream is used for; distinct purposes give distinct streams. Part of the reproducibility contract: never
// renumber.
enum class RngPurpose : std::uint32_t {
  kInit = 1,         // a: parameter tensor index
  kOrder = 2,        // a: epoch
  kAugment = 3,      // a: epoch, b: image index
  kDirection = 4,    // a: direction index
  kSynthetic = 5,    // a: split, b: image index
  kMixup = 6,        // a: step, b: 0 for normal, 1 for uniform numbers
  kHoldOut = 7,      // a: class
  kSample = 16,      // a, b: which sample (landscape/sampling.h)
  kTheoryData = 20,  // a: 0 the target, 1 initial weights, 2 label noise, 3 + i sample i
  kTheoryStep = 21,  // a: step, b: place in the batch
};

struct Philox {
  std::uint32_t counter[4];  // [0] counts blocks of four outputs, [1..3] identify the stream
  std::uint32_t key[2];
  std::uint32_t block[4];
  std::uint32_t used;  // outputs of `block` already returned; 4: none left

  THALWEG_HD Philox(std::uint64_t seed, RngPurpose purpose, std::uint32_t a, std::uint32_t b = 0)
      : counter{0, a, b, static_cast<std::uint32_t>(purpose)},
        key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        block{},
        used(4) {}

  THALWEG_HD std::uint32_t next() {
    if (used == 4) {
      generate();
      ++counter[0];
      used = 0;
    }
    return block[used++];
  }

  // Uniform in [0, n), n > 0, by multiplication (bias below n / 2^32).
  THALWEG_HD std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * n) >> 32);
  }

  // Uniform in (0, 1): never 0, so its logarithm is finite.
  THALWEG_HD double uniform() { return (static_cast<double>(next()) + 0.5) * (1.0 / 4294967296.0); }

 private:
  THALWEG_HD void generate() {
    std::uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    std::uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = 0xD2511F53ull * c[0];
      const std::uint64_t p1 = 0xCD9E8D57ull * c[2];
      const std::uint32_t next[4] = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
                                     static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1],
                                     static_cast<std::uint32_t>(p0)};
      for (int i = 0; i < 4; ++i) c[i] = next[i];
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; ++i) block[i] = c[i];
  }
};

}  // namespace thalweg

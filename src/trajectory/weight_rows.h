// Rows of weights, as PCA and projection use them, and iteration over them in chunks of columns, which bounds memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace thalweg {

// One snapshot's weights: float32 [P] on the CPU, typically a view of a mapped file. Run and step are used in messages.
struct WeightRow {
  std::string run;
  std::int64_t step = 0;
  at::Tensor weights;
};

constexpr std::int64_t kDefaultChunkBytes = std::int64_t{256} << 20;

// Throws Error unless every row is contiguous float32 [P] on the CPU, with the same P. Returns P.
std::int64_t check_rows(const std::vector<WeightRow>& rows);

// Calls `visit(differences, begin)` for consecutive column ranges, with float64 [T, C]: rows - reference over the
// columns [begin, begin + C). The tensor is reused between calls and takes at most `chunk_bytes` (but at least one
// column). The differences are plain float64 subtractions of float32 values: exact up to one rounding. `reference`:
// float32 [P].
void for_each_chunk(const std::vector<WeightRow>& rows, const at::Tensor& reference, std::int64_t chunk_bytes,
                    const std::function<void(at::Tensor& differences, std::int64_t begin)>& visit);

}  // namespace thalweg

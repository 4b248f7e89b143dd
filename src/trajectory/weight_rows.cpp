#include "trajectory/weight_rows.h"

#include <algorithm>

#include <ATen/ops/empty.h>

#include "base/error.h"

namespace thalweg {

std::int64_t check_rows(const std::vector<WeightRow>& rows) {
  check(!rows.empty(), "there are no snapshots: expected at least one");
  const std::int64_t size = rows.front().weights.numel();
  for (const WeightRow& row : rows) {
    const at::Tensor& w = row.weights;
    check(w.defined() && w.scalar_type() == at::kFloat && w.dim() == 1 && w.is_contiguous() && w.device().is_cpu(),
          "the weights of run {} at step {} are not one float32 vector on the CPU", row.run, row.step);
    check(w.numel() == size && size > 0,
          "run {} has {} weights at step {}, but run {} has {}: only runs of the same model can share a plane", row.run,
          w.numel(), row.step, rows.front().run, size);
  }
  return size;
}

void for_each_chunk(const std::vector<WeightRow>& rows, const at::Tensor& reference, std::int64_t chunk_bytes,
                    const std::function<void(at::Tensor& differences, std::int64_t begin)>& visit) {
  const std::int64_t num_columns = check_rows(rows);
  const std::int64_t num_rows = static_cast<std::int64_t>(rows.size());
  const std::int64_t width = std::clamp<std::int64_t>(chunk_bytes / (num_rows * 8), 1, num_columns);
  const at::Tensor buffer = at::empty({num_rows * width}, at::kDouble);
  for (std::int64_t begin = 0; begin < num_columns; begin += width) {
    const std::int64_t columns = std::min(width, num_columns - begin);
    at::Tensor differences = buffer.narrow(0, 0, num_rows * columns).view({num_rows, columns});
    for (std::int64_t i = 0; i < num_rows; ++i) {
      differences.select(0, i).copy_(rows[static_cast<std::size_t>(i)].weights.narrow(0, begin, columns));
    }
    differences.sub_(reference.narrow(0, begin, columns));
    visit(differences, begin);
  }
}

}  // namespace thalweg

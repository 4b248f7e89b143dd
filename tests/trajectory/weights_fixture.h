// Small weight vectors for the trajectory tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "trajectory/weight_rows.h"

namespace thalweg {

inline at::Tensor vec(const std::vector<float>& values) {
  return at::tensor(values);
}

// float32 [rows, columns], standard normal.
inline at::Tensor normal_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return at::randn({rows, columns}, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

inline std::vector<WeightRow> rows_of(const at::Tensor& matrix, const std::string& run = "main") {
  std::vector<WeightRow> rows;
  for (std::int64_t i = 0; i < matrix.size(0); ++i) rows.push_back({run, 10 * i, matrix[i].contiguous()});
  return rows;
}

}  // namespace thalweg

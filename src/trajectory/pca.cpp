#include "trajectory/pca.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"

namespace thalweg {
namespace {

// If the second eigenvalue is below this share of the first, it is rounding error: for float32 weights on a line the
// share is about (6e-8 ||w|| / spread)^2, and float64 products add 1e-16.
constexpr double kRankTolerance = 1e-12;

// The rows per block of the Gram matrix: only blocks on and above the diagonal are computed, which halves the work.
constexpr std::int64_t kGramBlock = 128;

at::Tensor gram_of_differences(const std::vector<WeightRow>& rows, const at::Tensor& reference,
                               std::int64_t chunk_bytes) {
  const std::int64_t num_rows = static_cast<std::int64_t>(rows.size());
  at::Tensor gram = at::zeros({num_rows, num_rows}, at::kDouble);
  for_each_chunk(rows, reference, chunk_bytes, [&](const at::Tensor& x, std::int64_t) {
    for (std::int64_t begin = 0; begin < num_rows; begin += kGramBlock) {
      const std::int64_t end = std::min(begin + kGramBlock, num_rows);
      gram.slice(0, begin, end).slice(1, begin).addmm_(x.slice(0, begin, end), x.slice(0, begin).t());
    }
  });
  return gram.triu().add_(gram.triu(1).t());
}

// A row that is not finite shows on the diagonal; if the reference is not finite, all entries are affected.
void check_finite(const at::Tensor& gram, const std::vector<WeightRow>& rows, std::size_t reference) {
  const at::Tensor diagonal = gram.diagonal().contiguous();
  const double* squares = diagonal.const_data_ptr<double>();
  const auto fail_if_bad = [&](std::size_t i) {
    check(std::isfinite(squares[i]),
          "the weights of run {} at step {} are not finite: the training diverged. Leave these snapshots out, or train "
          "with a smaller learning rate",
          rows[i].run, rows[i].step);
  };
  fail_if_bad(reference);
  for (std::size_t i = 0; i < rows.size(); ++i) fail_if_bad(i);
}

// (I - 1 c^T) G (I - 1 c^T)^T, with c as a column.
at::Tensor centred(const at::Tensor& gram, const at::Tensor& c) {
  const at::Tensor left = gram - at::mm(c.t(), gram);
  const at::Tensor both = left - at::mm(left, c);
  return (both + both.t()).mul_(0.5);
}

struct Spectrum {
  std::vector<double> values;  // descending, none negative
  at::Tensor vectors;          // [T, T], one per column, in the same order
};

Spectrum spectrum_of(const at::Tensor& gram) {
  const auto [values, vectors] = at::linalg_eigh(gram);  // ascending
  const at::Tensor descending = values.flip(0).clamp_min(0).contiguous();
  const double* data = descending.const_data_ptr<double>();
  return {{data, data + descending.numel()}, vectors.flip(1)};
}

std::vector<double> shares_of(const std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  std::vector<double> shares = values;
  for (double& share : shares) share = sum > 0 ? share / sum : 0;
  return shares;
}

at::Tensor column(const std::vector<double>& values) {
  at::Tensor result = at::empty({static_cast<std::int64_t>(values.size()), 1}, at::kDouble);
  std::copy(values.begin(), values.end(), result.data_ptr<double>());
  return result;
}

void check_origin(const std::vector<double>& weights, std::size_t num_rows) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  check(weights.size() == num_rows && std::abs(sum - 1) < 1e-9, "origin: {} weights with sum {} for {} rows",
        weights.size(), sum, num_rows);
}

// The sign that makes the coordinate of the row farthest along the axis positive; of rows that are equally far up to
// rounding, the first one decides.
double sign_of(const at::Tensor& vector) {
  const at::Tensor values = vector.contiguous();
  const double* data = values.const_data_ptr<double>();
  double largest = 0;
  for (std::int64_t i = 0; i < values.numel(); ++i) largest = std::max(largest, std::abs(data[i]));
  std::int64_t first = 0;
  while (std::abs(data[first]) < largest * (1 - 1e-9)) ++first;
  return data[first] < 0 ? -1 : 1;
}

// [3, T]: direction 1, direction 2 and the origin as combinations of differences from the reference row.
at::Tensor combinations(const at::Tensor& vectors, const at::Tensor& c) {
  at::Tensor result = at::empty({3, c.size(0)}, at::kDouble);
  for (std::int64_t k = 0; k < 2; ++k) {
    const at::Tensor v = vectors.select(1, k) * sign_of(vectors.select(1, k));
    result.select(0, k).copy_(v - c.select(1, 0) * v.sum());
  }
  result.select(0, 2).copy_(c.select(1, 0));
  return result;
}

// Gram-Schmidt in float64, since the small eigenvalue's direction contains rounding errors along the large one's.
void orthonormalise(at::Tensor d1, at::Tensor d2) {
  d1.div_(d1.norm());
  d2.div_(d2.norm());
  for (int round = 0; round < 2; ++round) d2.sub_(d1 * d1.dot(d2));
  d2.div_(d2.norm());
}

}  // namespace

void check_pca_snapshots(std::size_t count) {
  check(count >= 3,
        "a PCA plane needs at least three snapshots, but there are {}: train longer, or take snapshots more often",
        count);
}

PcaResult gram_pca(const std::vector<WeightRow>& rows, const std::vector<double>& origin_weights,
                   std::int64_t chunk_bytes) {
  const std::int64_t num_params = check_rows(rows);
  check_origin(origin_weights, rows.size());
  check_pca_snapshots(rows.size());
  // If the reference is the row that the result is centred on, no large numbers have to be subtracted.
  const std::size_t reference_row =
      static_cast<std::size_t>(std::max_element(origin_weights.begin(), origin_weights.end()) - origin_weights.begin());
  const at::Tensor reference = rows[reference_row].weights;

  PcaResult result;
  result.gram = gram_of_differences(rows, reference, chunk_bytes);
  check_finite(result.gram, rows, reference_row);
  const at::Tensor c = column(origin_weights);
  Spectrum spectrum = spectrum_of(centred(result.gram, c));
  check(result.gram.diagonal().max().item<double>() > 0 && spectrum.values[0] > 0,
        "all {} snapshots hold the same weights, so no plane is defined: is the learning rate zero?", rows.size());
  check(
      spectrum.values[1] > kRankTolerance * spectrum.values[0],
      "all {} snapshots lie on one line, so the second direction is not defined: take more snapshots, or make a plane "
      "of random directions or through three points",
      rows.size());

  const at::Tensor mix = combinations(spectrum.vectors, c);
  const at::Tensor basis = at::empty({3, num_params}, at::kDouble);
  for_each_chunk(rows, reference, chunk_bytes, [&](const at::Tensor& x, std::int64_t begin) {
    basis.narrow(1, begin, x.size(1)).copy_(at::mm(mix, x));
  });
  orthonormalise(basis[0], basis[1]);
  result.d1 = basis[0].to(at::kFloat);
  result.d2 = basis[1].to(at::kFloat);
  result.origin = basis[2].add_(reference).to(at::kFloat);
  result.explained = shares_of(spectrum.values);
  result.eigenvalues = std::move(spectrum.values);
  return result;
}

std::vector<double> squared_steps(const at::Tensor& gram, const RowTree& parents) {
  const at::Tensor contiguous = gram.contiguous();
  const double* g = contiguous.const_data_ptr<double>();
  const std::int64_t num_rows = gram.size(0);
  std::vector<double> squares(parents.size(), 0.0);
  for (std::size_t row = 0; row < parents.size(); ++row) {
    const std::int64_t i = static_cast<std::int64_t>(row);
    const std::int64_t p = parents[row];
    if (p < 0) continue;
    squares[row] = std::max(g[i * num_rows + i] + g[p * num_rows + p] - 2 * g[i * num_rows + p], 0.0);
  }
  return squares;
}

std::vector<double> random_walk_shares(const RowTree& parents, const std::vector<double>& steps,
                                       const std::vector<double>& origin_weights) {
  check(parents.size() == steps.size() && !parents.empty(), "a tree of {} snapshots with {} steps", parents.size(),
        steps.size());
  check_origin(origin_weights, parents.size());
  const std::int64_t num_rows = static_cast<std::int64_t>(parents.size());
  at::Tensor gram = at::zeros({num_rows, num_rows}, at::kDouble);
  double* g = gram.data_ptr<double>();
  for (std::int64_t i = 0; i < num_rows; ++i) {
    const std::int64_t p = parents[static_cast<std::size_t>(i)];
    check(p < i && (p >= 0) == (i > 0), "snapshot {} of the tree cannot come from snapshot {}", i, p);
    if (p < 0) continue;
    for (std::int64_t j = 0; j < i; ++j) g[i * num_rows + j] = g[j * num_rows + i] = g[p * num_rows + j];
    g[i * num_rows + i] = g[p * num_rows + p] + steps[static_cast<std::size_t>(i)];
  }
  return shares_of(spectrum_of(centred(gram, column(origin_weights))).values);
}

}  // namespace thalweg

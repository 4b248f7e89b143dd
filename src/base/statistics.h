// Means over a few repetitions and their significance: Student's t for the mean of a sample, Holm's correction for
// multiple tests, and the least-squares slope.
//
// Repetitions are seeds. There are only a handful of them, hence Student's t with its few degrees of freedom rather
// than the normal distribution. Paired values (late and early decay of the same seed) are tested by their differences.
#pragma once

#include <cstdint>
#include <vector>

namespace thalweg {

struct Statistic {
  double mean = 0;
  double deviation = 0;  // sample standard deviation (n - 1); NaN for fewer than two values
};
// The mean is NaN if `values` is empty.
Statistic statistic_of(const std::vector<double>& values);

// The mean of a sample and the two-sided test of whether it is zero (one-sample t test).
struct MeanTest {
  std::int64_t count = 0;
  double mean = 0;
  double deviation = 0;      // NaN for fewer than two values
  double low = 0, high = 0;  // confidence interval of the mean; infinite for fewer than two values
  double t = 0;              // NaN for fewer than two values, or if all are 0
  double p = 1;              // NaN in the same cases
};
MeanTest test_mean(const std::vector<double>& values, double confidence = 0.95);

// P(|T| <= t) for Student's distribution with `freedom` >= 1 degrees of freedom and t >= 0, by the finite sums of
// Abramowitz & Stegun 26.7.3 and 26.7.4.
double student_within(double t, std::int64_t freedom);
// The t with student_within(t, freedom) = probability, for a probability in [0, 1).
double student_quantile(double probability, std::int64_t freedom);

// Holm's (1979) adjusted p-values, in the order given: they bound the chance of any false positive among the tests (the
// family-wise error rate). A NaN stays NaN and is not counted as a test.
std::vector<double> holm(const std::vector<double>& p);

// The least-squares slope of y over x; exactly 0 if all y are equal, NaN for fewer than two different x.
double slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace thalweg

// Means over a few repetitions and what they can and cannot show: Student's t for a sample's mean, Holm's correction
// for several tests at once, the least-squares slope.
//
// Repetitions are seeds: a handful, so Student's t with its few degrees of freedom and not the normal distribution.
// Paired values (late and early decay of the same seed) are tested by their differences.
#pragma once

#include <cstdint>
#include <vector>

namespace thalweg {

struct Statistic {
  double mean = 0;
  double deviation = 0;  // of a sample (n - 1); NaN for fewer than two values
};
// A mean of NaN for no values.
Statistic statistic_of(const std::vector<double>& values);

// The mean of a sample and the two-sided test of it being zero (one-sample t test).
struct MeanTest {
  std::int64_t count = 0;
  double mean = 0;
  double deviation = 0;      // NaN for fewer than two values
  double low = 0, high = 0;  // confidence interval of the mean; infinite for fewer than two values
  double t = 0;              // NaN for fewer than two values, or where all are 0
  double p = 1;              // NaN likewise
};
MeanTest test_mean(const std::vector<double>& values, double confidence = 0.95);

// P(|T| <= t) of Student's distribution with `freedom` >= 1 degrees of freedom, t >= 0: the finite sums of Abramowitz &
// Stegun 26.7.3 and 26.7.4.
double student_within(double t, std::int64_t freedom);
// The t with student_within(t, freedom) = probability, in [0, 1).
double student_quantile(double probability, std::int64_t freedom);

// Adjusted so that the chance of any false finding among them stays what each alone claims (Holm 1979), in the order
// given. A NaN stays, and counts as no test.
std::vector<double> holm(const std::vector<double>& p);

// Least-squares slope of y over x, exactly 0 where all y are equal; NaN for fewer than two different x.
double slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace thalweg

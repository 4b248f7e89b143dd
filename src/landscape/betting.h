// Bounds, by betting, on how far the mean of a sample is from the mean of the population.
//
// The hedged capital process of Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (JRSS
// B 86, 2024, sections 4 and 5): if the population mean were m, someone who bets on each draw before it is seen, based
// on the earlier draws, would grow rich with probability at most `failure`, however often one looks. The interval
// consists of the m at which no bettor grew rich. It adapts to the spread of the draws, and is a third shorter than the
// empirical Bernstein interval.
//
// The method needs bounded values. The bounds are taken to be the range of the draws, widened to twice its width, or
// the known greatest distance of any value from 0 (`reach`), whichever is wider. Without a reach the interval is too
// short if a few values far from all others exist and none of them was drawn.
#pragma once

#include <cstdint>
#include <vector>

namespace thalweg {

struct LookedAt {
  std::vector<double> values;      // in the order of the draws, without replacement
  std::vector<std::size_t> looks;  // number of values at each look so far, ascending; the last is all of them
  double reach = 0;                // greatest distance of any value from 0, drawn or not; 0: unknown
};

// The half width, at the last look, of the two-sided interval with failure probability `failure` around the mean of the
// values, which were drawn one by one without replacement from `population` values. There are no bets on the draws up
// to the first look: they provide the range and the spread. Infinite after a single look or if a value is not finite.
double betting_half_width(const LookedAt& drawn, std::int64_t population, double failure);

// The predicted number of bets, i.e. draws after the first look, needed for a half width, judging by the values so far;
// infinite if a value is not finite.
double bets_wanted(const LookedAt& drawn, double half_width, double failure);

}  // namespace thalweg

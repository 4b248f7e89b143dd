// How close the mean of a sample is to the mean of all, by betting.
//
// The hedged capital process of Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (JRSS
// B 86, 2024, sections 4 and 5): were m the mean of all, someone who bets on each draw, before it is seen, by what
// earlier draws say, would grow rich with probability `failure` at most, however often one looks. The interval is the
// m on which no bettor grew rich. It adapts to the spread of the draws, and is a third shorter than empirical
// Bernstein's.
//
// Values must lie in a known range. It is taken to be that of the draws, twice as wide, or as far from 0 as values may
// lie by what is known beforehand (`reach`), whichever is wider: without a reach, few values far from all others, of
// which none was drawn, make the interval too short.
#pragma once

#include <cstdint>
#include <vector>

namespace thalweg {

struct LookedAt {
  std::vector<double> values;      // in the order of the draws, without replacement
  std::vector<std::size_t> looks;  // how many there were at each look so far, ascending; the last is all of them
  double reach = 0;                // how far from 0 values may lie, drawn or not; 0: nothing is known
};

// Half width of the interval around the mean of the values, one by one without replacement from `population` many, at
// the last look, for the two-sided probability `failure`. The draws up to the first look are not bet on: they say the
// range and the spread. Infinite with a single look, or if a value is not finite.
double betting_half_width(const LookedAt& drawn, std::int64_t population, double failure);

// Bets, so draws after the first look, that it will take for a half width, as far as the values can say; infinite if
// one is not finite.
double bets_wanted(const LookedAt& drawn, double half_width, double failure);

}  // namespace thalweg

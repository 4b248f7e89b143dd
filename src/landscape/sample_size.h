// How many images a standard error takes.
//
// What the images drawn so far spread says how many more are needed (Stein 1945), to a standard error somewhat below
// the goal, since the spread of more may turn out larger; where it does, again. Stopping by what was drawn costs
// intervals little: of populations as skewed as losses are, 93 to 95 % of +-1.96 standard errors hold, as for samples
// of a fixed size.
#pragma once

#include <cstdint>
#include <functional>

namespace thalweg {

// Has `look` draw `first` images of a population of `all`, then more, until the standard error is `goal` at most or all
// are drawn. `look` draws until so many are there, and returns the mean's standard error; NaN asks for all.
void draw_to_error(double goal, std::int64_t first, std::int64_t all,
                   const std::function<double(std::int64_t n)>& look);

}  // namespace thalweg

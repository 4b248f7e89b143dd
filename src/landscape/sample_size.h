// The number of images needed for a standard error.
//
// The spread of the images drawn so far determines how many more are needed (Stein 1945). The target is a standard
// error somewhat below the goal, since the spread of more images may turn out larger; if it does, the procedure
// repeats. Letting the draws decide when to stop costs little coverage: for populations as skewed as losses are, 93 to
// 95 % of the intervals of +-1.96 standard errors hold, as for samples of a fixed size.
#pragma once

#include <cstdint>
#include <functional>

namespace thalweg {

// Calls `look` to draw `first` images of a population of `all`, then more, until the standard error is at most `goal`
// or all are drawn. `look(n)` draws until there are n images and returns the standard error of the mean; if it is NaN,
// all are drawn.
void draw_to_error(double goal, std::int64_t first, std::int64_t all,
                   const std::function<double(std::int64_t n)>& look);

}  // namespace thalweg

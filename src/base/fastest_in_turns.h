// Finds the fastest of several contenders by measuring each of them once per round. A temporary slowdown of the machine
// (a clock that is still ramping up, another process) then affects all contenders alike; if each were measured to the
// end before the next, it could decide the outcome.
#pragma once

#include <cstddef>
#include <functional>

namespace thalweg {

struct Fastest {
  std::size_t contender = 0;
  double time = 0;  // the shortest measured
};

// `measure` returns the time that one of the `count` (at least 1) contenders took, in any unit. Contenders are compared
// by their shortest time; ties go to the lower index. Before each further round, contenders whose shortest time exceeds
// twice the best are dropped.
Fastest fastest_in_turns(std::size_t count, int rounds, const std::function<double(std::size_t)>& measure);

}  // namespace thalweg

// The fastest of several contenders, each of which is measured once a round: what slows the machine for a while (a
// clock that still rises, another process) then meets all of them, where one after the other it would decide between
// them.
#pragma once

#include <cstddef>
#include <functional>

namespace thalweg {

struct Fastest {
  std::size_t contender = 0;
  double time = 0;  // its least
};

// `measure` returns the time that one of the `count` (at least 1) contenders took, in any unit. A contender's least
// time counts; of equal ones the first wins. After each round those drop out whose least is above twice the least of
// all.
Fastest fastest_in_turns(std::size_t count, int rounds, const std::function<double(std::size_t)>& measure);

}  // namespace thalweg

#include "base/fastest_in_turns.h"

#include <algorithm>
#include <vector>

namespace thalweg {
namespace {

constexpr double kHopeless = 2;

bool is_faster(const Fastest& a, const Fastest& b) {
  return a.time < b.time;
}

}  // namespace

Fastest fastest_in_turns(std::size_t count, int rounds, const std::function<double(std::size_t)>& measure) {
  std::vector<Fastest> field;
  for (std::size_t i = 0; i < count; ++i) field.push_back({i, measure(i)});
  for (int round = 1; round < rounds; ++round) {
    const double limit = kHopeless * std::min_element(field.begin(), field.end(), is_faster)->time;
    std::erase_if(field, [&](const Fastest& one) { return one.time > limit; });
    for (Fastest& one : field) one.time = std::min(one.time, measure(one.contender));
  }
  return *std::min_element(field.begin(), field.end(), is_faster);
}

}  // namespace thalweg

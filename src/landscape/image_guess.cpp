#include "landscape/image_guess.h"

namespace thalweg {

const std::vector<ImageGuess::Weighted>& ImageGuess::at(std::size_t point) {
  const auto known = made_.find(point);
  if (known != made_.end()) return known->second;
  std::vector<Weighted> guess;  // in the order of the first use: the same in every run
  std::map<const Node*, std::size_t> place;
  const auto add = [&](const Node* node, double weight) {
    const auto [found, is_new] = place.emplace(node, guess.size());
    if (is_new) guess.push_back({node, 0});
    guess[found->second].weight += weight;
  };
  for (const NodeWeight& w : levels_.around(point, levels_.level_of(point) - 1)) {
    const auto node = nodes_.find(w.node);
    if (node != nodes_.end()) {
      add(&node->second, w.weight);
      continue;
    }
    for (const Weighted& part : at(w.node)) add(part.node, w.weight * part.weight);
  }
  return made_[point] = std::move(guess);
}

}  // namespace thalweg

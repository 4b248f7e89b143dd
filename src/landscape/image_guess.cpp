#include "landscape/image_guess.h"

#include <cmath>

namespace thalweg {

const ImageGuess::Guess& ImageGuess::at(std::size_t point) {
  const auto known = made_.find(point);
  if (known != made_.end()) return known->second;
  Guess guess;  // in order of first use, which is the same in every run
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

double guessed_mean(const ImageGuess::Guess& guess) {
  double out = 0;
  for (const auto& [node, weight] : guess) out += weight * node->value.loss().mean;
  return out;
}

double guessed_loss(const ImageGuess::Guess& guess, std::size_t image) {
  double out = 0;
  for (const auto& [node, weight] : guess) out += weight * static_cast<double>(node->images.losses[image]);
  return out;
}

std::vector<float> guessed_losses(const ImageGuess::Guess& guess) {
  std::vector<float> out(guess.front().node->images.losses.size(), 0);
  for (const auto& [node, weight] : guess) {
    const std::vector<float>& losses = node->images.losses;
    for (std::size_t i = 0; i < losses.size(); ++i) out[i] += static_cast<float>(weight) * losses[i];
  }
  return out;
}

std::vector<float> guess_spreads(const ImageGuess::Guess& guess) {
  const std::vector<float> guesses = guessed_losses(guess);
  std::vector<float> out(guesses.size(), 0);
  for (const auto& [node, weight] : guess) {
    const std::vector<float>& losses = node->images.losses;
    const auto part = static_cast<float>(std::abs(weight));
    for (std::size_t i = 0; i < losses.size(); ++i) out[i] += part * std::abs(losses[i] - guesses[i]);
  }
  return out;
}

}  // namespace thalweg

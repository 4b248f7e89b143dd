// Guesses, by interpolation, the values of every single image of a split at points between exact ones.
//
// A guess at a point is a weighted sum over nodes, which are points whose single images are known. Bicubic
// interpolation uses up to 16 coarser points. Those that are not nodes are guessed themselves, which passes their
// weights on to still coarser nodes. Every point of level 0 is a node.
#pragma once

#include <map>
#include <vector>

#include "landscape/kept_images.h"
#include "landscape/level_grid.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class ImageGuess {
 public:
  struct Node {
    KeptImages images;
    SplitEstimate value;  // over all images
  };
  struct Weighted {
    const Node* node;
    double weight;
  };
  using Guess = std::vector<Weighted>;  // not empty

  // The levels must outlive this object.
  explicit ImageGuess(const LevelGrid& levels) : levels_(levels) {}

  // Adds a node. Nodes must be added level by level: all nodes that a point's guess may use before that guess is
  // requested.
  void add(std::size_t point, Node node) { nodes_[point] = std::move(node); }
  // The guess at a point of level 1 or finer, from coarser levels. The reference is valid as long as this object.
  const Guess& at(std::size_t point);

 private:
  const LevelGrid& levels_;
  std::map<std::size_t, Node> nodes_;  // by grid point
  std::map<std::size_t, Guess> made_;  // by grid point
};

// The guessed losses in nats: their mean, which is finite if the means at all nodes are; that of one image; those of
// all.
double guessed_mean(const ImageGuess::Guess& guess);
double guessed_loss(const ImageGuess::Guess& guess, std::size_t image);
std::vector<float> guessed_losses(const ImageGuess::Guess& guess);
// How far the nodes are from the guess, for each image: the sum over nodes of |weight| |loss - guess|.
std::vector<float> guess_spreads(const ImageGuess::Guess& guess);

}  // namespace thalweg

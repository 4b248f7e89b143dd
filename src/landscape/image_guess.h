// What interpolation guesses of every single image of a split, at points between exact ones.
//
// A guess at a point is a weighted sum over nodes, points whose single images are known. Bicubic interpolation takes
// up to 16 coarser points; those that are not nodes are guessed themselves, so that their weights pass to nodes that
// are coarser still. Every point of level 0 is a node.
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
    SplitEstimate value;  // of all of them
  };
  struct Weighted {
    const Node* node;
    double weight;
  };
  using Guess = std::vector<Weighted>;  // not empty

  // Keeps a reference to the levels.
  explicit ImageGuess(const LevelGrid& levels) : levels_(levels) {}

  // Nodes come level by level: all that a point's guess may rest on are there before it is asked for.
  void add(std::size_t point, Node node) { nodes_[point] = std::move(node); }
  // At a point of level 1 or finer, from coarser levels. Valid as long as this object.
  const Guess& at(std::size_t point);

 private:
  const LevelGrid& levels_;
  std::map<std::size_t, Node> nodes_;  // by grid point
  std::map<std::size_t, Guess> made_;  // by grid point
};

// What it says of the losses, nats: of their mean, which is finite if those of all nodes are; of one image; of all.
double guessed_mean(const ImageGuess::Guess& guess);
double guessed_loss(const ImageGuess::Guess& guess, std::size_t image);
std::vector<float> guessed_losses(const ImageGuess::Guess& guess);
// How far the nodes are from these, for each image: the sum over nodes of |weight| |loss - guess|.
std::vector<float> guess_spreads(const ImageGuess::Guess& guess);

}  // namespace thalweg

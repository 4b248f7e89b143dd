// A procedural set of CIFAR's shape (3 x 32 x 32, 10 classes) that needs no files: for tests, first runs and machines
// without a network.
//
// A class is a figure (three stripe orientations, checkers, dots, disc, ring, square, cross, triangle) at a random
// place, size and rotation and in random colours, over a shaded background with a fainter distractor of another class,
// behind occluding patches and under noise. One training label in ten is wrong on purpose; test labels are right. So a
// network can fit the training split much better than it generalises, as with natural images. No class changes under a
// horizontal flip.
//
// Image i of a split is a function of (seed, split, i) alone: any prefix is stable, and its classes are balanced. Only
// exactly rounded arithmetic is used (no sin, exp or fused multiply-add), so the bytes are the same on every machine.
#pragma once

#include "data/dataset.h"

namespace thalweg {

constexpr std::int64_t kSyntheticTrainDefault = 5000;
constexpr std::int64_t kSyntheticTestDefault = 2000;
constexpr std::int64_t kSyntheticTrainMax = 50000;
constexpr std::int64_t kSyntheticTestMax = 10000;
constexpr double kSyntheticWrongLabels = 0.1;  // of the training split

// Sizes of 0 take the defaults; beyond the maxima: usage Error. The result's digest is left empty.
DataSet make_synthetic(const DataConfig& config);

}  // namespace thalweg

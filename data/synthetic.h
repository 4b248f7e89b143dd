// A procedurally generated set with CIFAR's shape (3 x 32 x 32, 10 classes) that needs no files, for tests, first runs
// and machines without a network.
//
// A class is a figure (three stripe orientations, checkers, dots, disc, ring, square, cross, triangle) of random
// position, size, rotation and colours, over a shaded background with a fainter distractor of another class, behind
// occluding patches and with noise added. One training label in ten is wrong on purpose; test labels are right. So a
// network can fit the training split much better than it generalises, as with natural images. No class changes under a
// horizontal flip.
//
// Image i of a split depends only on (seed, split, i), so a split's first N images are the same whatever its size, and
// their figures are balanced over the classes. Only exactly rounded arithmetic is used (no sin, exp or fused
// multiply-add), so the bytes are the same on every machine.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace thalweg {

constexpr std::int64_t kSyntheticTrainDefault = 5000;
constexpr std::int64_t kSyntheticTestDefault = 2000;
constexpr std::int64_t kSyntheticTrainMax = 50000;
constexpr std::int64_t kSyntheticTestMax = 10000;
constexpr double kSyntheticWrongLabels = 0.1;  // of the training split

// A size of 0 selects the default; throws a usage Error above the maximum. The result's digest is left empty.
DataSet make_synthetic(const DataConfig& config);

}  // namespace thalweg

// Processing that applies to every data set, whatever its format.
#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace thalweg {

// The number of images to take from a split: `wanted`, or `available` if that is 0. Throws a usage Error naming
// data.`key` and the set's `title` if `wanted` is more than `available`.
std::int64_t num_wanted(const std::string& key, std::int64_t wanted, std::int64_t available, const std::string& title);

// Pads the images of both splits to `side` x `side` pixels with a border of zeros (black, before normalisation),
// equally wide on all sides; an odd pixel goes to the lower and the right border. Throws a usage Error if the images
// are larger.
void pad_images(DataSet& set, std::int64_t side);

// Moves `count` images of the training split into set.validation, stratified by class; both keep the images' original
// order. The images of each class are shuffled by `seed`; image r (from 0) of a class of n gets the place (r + 1/2) /
// n, and the images with the last `count` places are held out (among equal places the higher class first). So for the
// same seed a smaller validation split is a subset of a larger one. Throws a usage Error if no image would be left for
// training.
void hold_out_validation(DataSet& set, std::int64_t count, std::uint64_t seed);

}  // namespace thalweg

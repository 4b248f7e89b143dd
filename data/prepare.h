// What is done to every data set alike, whatever it was read from.
#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace thalweg {

// How many images a split shall have: `wanted`, or `available` where that is 0. More than there are is a usage Error
// that names data.`key` and the set's `title`.
std::int64_t num_wanted(const std::string& key, std::int64_t wanted, std::int64_t available, const std::string& title);

// Makes the images of both splits `side` pixels high and wide by a border of zeros (black, before normalisation), as
// wide on all sides; where a pixel is left over, the lower and the right border have it. Images that are larger are a
// usage Error.
void pad_images(DataSet& set, std::int64_t side);

// Moves `count` images of the training split into set.validation, class by class in proportion; both keep the order
// that the images had. The images of each class are shuffled by `seed`; number r of a class of n (from 0) gets the
// place (r + 1/2) / n, and the images with the last `count` places (of equal ones the higher class first) are held out.
// So the smaller of two validation splits by one seed is part of the larger. At least one image must stay: usage Error.
void hold_out_validation(DataSet& set, std::int64_t count, std::uint64_t seed);

}  // namespace thalweg

#include "data/prepare.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/Functions.h>

#include "base/error.h"
#include "base/rng.h"

namespace thalweg {
namespace {

// An image's place, (2 rank + 1) / (2 size), in the order in which images are held out.
struct Place {
  std::int64_t image;
  std::int64_t rank;  // among the shuffled images of its class
  std::int64_t size;  // of its class
  std::int64_t label;
};

bool comes_before(const Place& a, const Place& b) {
  const std::int64_t left = (2 * a.rank + 1) * b.size, right = (2 * b.rank + 1) * a.size;
  return left != right ? left < right : a.label < b.label;
}

void shuffle(std::vector<std::int64_t>& values, Philox random) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.below(static_cast<std::uint32_t>(i))]);
  }
}

std::vector<Place> places_of(const at::Tensor& labels, std::int64_t num_classes, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> classes(static_cast<std::size_t>(num_classes));
  const auto* values = labels.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) classes.at(static_cast<std::size_t>(values[i])).push_back(i);
  std::vector<Place> places;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    shuffle(classes[label], Philox(seed, RngPurpose::kHoldOut, static_cast<std::uint32_t>(label)));
    const auto size = static_cast<std::int64_t>(classes[label].size());
    for (std::int64_t rank = 0; rank < size; ++rank) {
      places.push_back({classes[label][static_cast<std::size_t>(rank)], rank, size, static_cast<std::int64_t>(label)});
    }
  }
  return places;
}

ImageSet select(const ImageSet& set, const at::Tensor& mask) {
  const at::Tensor indices = mask.nonzero().squeeze(1);
  return {set.images.index_select(0, indices), set.labels.index_select(0, indices)};
}

}  // namespace

std::int64_t num_wanted(const std::string& key, std::int64_t wanted, std::int64_t available, const std::string& title) {
  if (wanted < 0 || wanted > available) {
    fail_usage("data.{} is {}, but {} has {} such images; 0 takes all", key, wanted, title, available);
  }
  return wanted == 0 ? available : wanted;
}

void pad_images(DataSet& set, std::int64_t side) {
  for (at::Tensor* images : {&set.train.images, &set.test.images}) {
    const std::int64_t height = images->size(2), width = images->size(3);
    if (height > side || width > side) {
      fail_usage("data.pad_to is {}, but the images have {}x{} pixels; data.pad_to can only enlarge them", side, height,
                 width);
    }
    const std::int64_t top = (side - height) / 2, left = (side - width) / 2;
    *images = at::constant_pad_nd(*images, {left, side - width - left, top, side - height - top});
  }
}

void hold_out_validation(DataSet& set, std::int64_t count, std::uint64_t seed) {
  if (count >= set.train.size()) {
    fail_usage("data.validation_images is {}, but the training split has {} images, of which at least one must remain",
               count, set.train.size());
  }
  std::vector<Place> places = places_of(set.train.labels, set.num_classes(), seed);
  std::sort(places.begin(), places.end(), comes_before);
  const at::Tensor held_out = at::zeros({set.train.size()}, at::kBool);
  for (auto place = places.end() - count; place != places.end(); ++place) {
    held_out.mutable_data_ptr<bool>()[place->image] = true;
  }
  set.validation = select(set.train, held_out);
  set.train = select(set.train, held_out.logical_not());
}

}  // namespace thalweg

// Samples of the images of a split, drawn without replacement within strata, and what they say of the mean over all.
//
// Mean over N images in strata of N_h, of which n_h are drawn:  sum_h W_h ybar_h,  W_h = N_h / N
// Its variance (Cochran, Sampling Techniques, 5.3):  sum_h W_h^2 (1 - n_h / N_h) s_h^2 / n_h
// With a control x whose mean over all images is known (combined regression estimator, Cochran 7.10): the same of
// y - beta x, plus beta mean(x), with the beta that makes the variance least. A beta near 0 is the plain mean, so the
// control is used as far as it helps.
//
// Of values that are 0 or `one` (an image is right or wrong), or what such values differ by from a guess, a sample may
// hold a single kind, whose spread says that nothing is left to err. A standard error is therefore never below what
// Jeffreys' prior leaves there of a share: one sqrt((1 - n / N) / 2) / (n + 1).
//
// Draws depend on the seed and the names of the draw alone. A stratum of which a single image is drawn takes its
// variance from the others.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace thalweg {

struct Strata {
  std::vector<std::int32_t> of;     // [N] stratum of each image
  std::vector<std::int64_t> sizes;  // [H]
};

// One stratum a class; labels in [0, num_classes).
Strata class_strata(const std::vector<std::int64_t>& labels, std::int64_t num_classes);
// All n images as one stratum.
Strata one_stratum(std::int64_t n);

// A sample that can grow: what was drawn stays.
class StratifiedSample {
 public:
  struct Name {
    std::uint64_t seed = 0;
    std::uint32_t a = 0, b = 0;  // bits 16 to 29 of b are the strata's
  };
  // Stratum h gets a part of the sample in proportion to shares[h] (N_h: proportional allocation), at least
  // two images, at most all.
  StratifiedSample(const Strata& strata, std::vector<double> shares, const Name& name);

  // Draws until about `n` images are there; returns the new ones.
  std::vector<std::int64_t> grow(std::int64_t n);
  const std::vector<std::int64_t>& images() const { return images_; }
  const std::vector<std::int32_t>& strata() const { return strata_; }  // of each of images()
  const std::vector<std::int64_t>& sizes() const { return sizes_; }    // N_h

 private:
  std::vector<std::int64_t> allocate(std::int64_t n) const;
  void draw(std::size_t stratum, std::int64_t count);

  std::vector<std::int64_t> sizes_;
  std::vector<double> shares_;
  std::vector<Philox> random_;                      // by stratum
  std::vector<std::vector<std::int64_t>> members_;  // by stratum; the first drawn_ of them are drawn
  std::vector<std::int64_t> drawn_;                 // by stratum
  std::vector<std::int64_t> images_;
  std::vector<std::int32_t> strata_;
};

struct Estimate {
  double mean = 0;
  double standard_error = 0;
};

// values[i] belongs to sample.images()[i]. `one` above 0: the values are 0 or that, and so are the control's.
Estimate estimate_mean(const StratifiedSample& sample, const std::vector<double>& values, double one = 0);
Estimate estimate_mean(const StratifiedSample& sample, const std::vector<double>& values,
                       const std::vector<double>& control, double control_mean, double one = 0);
// Over the images of one stratum; the control's mean is theirs, too. The control is not used where fewer than
// kFewForControl of them are drawn: beta would follow chance.
inline constexpr std::size_t kFewForControl = 10;
Estimate estimate_stratum(const StratifiedSample& sample, std::size_t stratum, const std::vector<double>& values,
                          const std::vector<double>& control, double control_mean, double one = 0);

}  // namespace thalweg

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
// Images that were drawn from all alike can be sorted into strata afterwards: those of a stratum are a sample of it.
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

// Strata, and in which of them what was drawn lies.
struct Drawn {
  const std::vector<std::int64_t>& sizes;   // N_h
  const std::vector<std::int32_t>& strata;  // of each that was drawn
};

// Names of a map's draws: a and b of Stream::kSample. Bits 30 and 31 of b say whose a draw is, bits 16 to 29 are the
// strata's. No two draws of a map have one name: what a certificate looks at must not follow from what it judges.
//   b = test split,                      a = 0      the sample of a sampled map (map_sampled.cpp)
//   b = 1 + split + 2 Purpose + 8 pass,  a = point  estimates and audits of an adaptive map's points (AdaptiveLevels)
constexpr std::uint32_t kAuditedPoints = 0x80000003u;   // a = pass: which points of an adaptive map are audited
constexpr std::uint32_t kComparedPoints = 0xC0000000u;  // a = 0: which points are compared with float32
constexpr std::uint32_t kComparedImages = 0xC0000001u;  // a = test split: on which images

// A sample that can grow: what was drawn stays.
class StratifiedSample {
 public:
  struct Name {
    std::uint64_t seed = 0;
    std::uint32_t a = 0, b = 0;
  };
  // Stratum h gets a part of the sample in proportion to shares[h] (N_h: proportional allocation), at least
  // two images, at most all.
  StratifiedSample(const Strata& strata, std::vector<double> shares, const Name& name);

  // Draws until about `n` images are there; returns the new ones.
  std::vector<std::int64_t> grow(std::int64_t n);
  const std::vector<std::int64_t>& images() const { return images_; }
  // Of images(). Valid as long as the sample, and until it grows.
  Drawn drawn() const { return {sizes_, strata_}; }

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

// values[i] belongs to drawn.strata[i]. `one` above 0: the values are 0 or that, and so are the control's, or they are
// what a guess of such values lacks.
Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, double one = 0);
Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, const std::vector<double>& control,
                       double control_mean, double one = 0);
// Over the images of each stratum. What a few images spread says little where most are close and a few far off, so that
// the variance within all strata counts there, as if of some more images. A stratum of which none was drawn is thought
// to be what the mean of all is, as far off as a single image. NaN for one without images.
std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values, double one = 0);
// With a control, whose means are those of the strata; one beta for all strata.
std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values,
                                      const std::vector<double>& control, const std::vector<double>& control_means,
                                      double one = 0);

}  // namespace thalweg

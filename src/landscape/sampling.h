// Samples of the images of a split, drawn without replacement within strata, and the estimates of population means that
// they give.
//
// The mean over N images in strata of N_h, of which n_h are drawn, is estimated by
//   sum_h W_h ybar_h,  W_h = N_h / N,
// with the variance (Cochran, Sampling Techniques, 5.3)
//   sum_h W_h^2 (1 - n_h / N_h) s_h^2 / n_h.
// With a control x whose mean over all images is known (combined regression estimator, Cochran 7.10), the same is done
// for y - beta x, plus beta mean(x), with the beta that minimises the variance. A beta near 0 gives the plain mean, so
// the control is used only as far as it helps.
//
// If values are 0 or `one` (an image is right or wrong), or differences of such values from a guess, a sample may by
// chance hold only one kind, whose zero spread suggests that there is no error. A standard error is therefore never
// below the one that Jeffreys' prior leaves for a share in this case: one sqrt((1 - n / N) / 2) / (n + 1).
//
// Images that were drawn uniformly from all can be sorted into strata afterwards: those in a stratum are a sample of
// it.
//
// Draws depend only on the seed and the name of the draw. A stratum from which a single image is drawn takes its
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

// One stratum per class; labels must be in [0, num_classes).
Strata class_strata(const std::vector<std::int64_t>& labels, std::int64_t num_classes);
// All n images as one stratum.
Strata one_stratum(std::int64_t n);

// The sizes of all strata, and the stratum of each drawn image.
struct Drawn {
  const std::vector<std::int64_t>& sizes;   // N_h
  const std::vector<std::int32_t>& strata;  // stratum of each drawn image
};

// The names of a map's draws: a and b of RngPurpose::kSample. Bits 30 and 31 of b identify the user of a draw, bits 16
// to 29 the stratum. No two draws of a map have the same name: the images that a certificate checks must not depend on
// what it judges.
//   b = test split,                      a = 0      the sample of a sampled map (SampledSplit)
//   b = 1 + split + 2 Purpose + 8 pass,  a = point  estimates and audits of an adaptive map's points (AdaptiveLevels)
constexpr std::uint32_t kAuditedPoints = 0x80000003u;   // a = pass: the audited points of an adaptive map
constexpr std::uint32_t kComparedPoints = 0xC0000000u;  // a = 0: the points compared with float32
constexpr std::uint32_t kComparedImages = 0xC0000001u;  // a = test split: the images for that comparison
constexpr std::uint32_t kPreviewImages = 0xC0000002u;   // a = test split: the images of a preview

// A sample that can grow: drawn images stay in it.
class StratifiedSample {
 public:
  struct Name {
    std::uint64_t seed = 0;
    std::uint32_t a = 0, b = 0;
  };
  // Stratum h gets a part of the sample in proportion to shares[h] (with N_h: proportional allocation), but at least
  // two images and at most all.
  StratifiedSample(const Strata& strata, std::vector<double> shares, const Name& name);

  // Draws until the sample has about `n` images; returns the new ones.
  std::vector<std::int64_t> grow(std::int64_t n);
  const std::vector<std::int64_t>& images() const { return images_; }
  // The strata of images(). Valid until the sample grows or is destroyed.
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

// About `n` images, or all if there are fewer, in which each class has its share.
std::vector<std::int64_t> class_sample(const std::vector<std::int64_t>& labels, std::int64_t num_classes,
                                       std::int64_t n, const StratifiedSample::Name& name);

struct Estimate {
  double mean = 0;
  double standard_error = 0;
};

// values[i] belongs to drawn.strata[i]. If `one` is above 0, the values are 0 or `one`, and so are the control's, or
// they are residuals of a guess of such values.
Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, double one = 0);
Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, const std::vector<double>& control,
                       double control_mean, double one = 0);
// The mean over the images of each stratum. The spread of a few images is unreliable if most values are close and a few
// far off, so the variance within all strata is included as if it came from some more images. A stratum from which none
// was drawn is assigned the mean of all images, with the deviation of a single image as its standard error. NaN for a
// stratum without images.
std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values, double one = 0);
// The same with a control, given its mean in each stratum; all strata share one beta.
std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values,
                                      const std::vector<double>& control, const std::vector<double>& control_means,
                                      double one = 0);

}  // namespace thalweg

// The distribution of the losses over all images of a split, and its quantiles, estimated from a sample.
//
// In a stratified sample each loss stands for N_h / n_h images. If every image's loss is guessed and the sample was
// drawn uniformly from all images, the share of images with a loss up to t is that of the guesses plus the sample's
// estimate of their error: the mean of [loss <= t] - [guess <= t] (a difference estimator: Rao, Kovar and Mantel 1990,
// On estimating distribution functions and quantiles from survey data using auxiliary information). If the guesses are
// NaN, or so bad that they would make the share less certain, a quantile is estimated without them.
//
// A share estimated in this way can by chance fall as t rises. A quantile is the loss at which it is first reached, and
// is therefore biased slightly low.
//
// A quantile's standard error is derived from that of the share up to it, through the quantiles at its confidence
// limits (Woodruff 1952, Confidence intervals for medians and other position measures).
#pragma once

#include <array>
#include <vector>

#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {

using QuantileEstimates = std::array<Estimate, kLossQuantiles.size()>;

// The guessed losses of all images, or empty.
struct LossGuesses {
  std::vector<float> all;    // [N]
  std::vector<float> drawn;  // those of the images that were drawn
};

// The quantiles kLossQuantiles: each is the smallest loss such that this share of all images has at most that loss.
// losses[i] belongs to drawn.strata[i]. All are NaN if a loss is.
QuantileEstimates estimate_quantiles(const Drawn& drawn, const std::vector<double>& losses,
                                     const LossGuesses& guesses = {});

}  // namespace thalweg

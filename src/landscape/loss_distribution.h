// The distribution of the losses over all images of a split, as a sample of them has it, and its quantiles.
//
// Of a stratified sample each loss stands for N_h / n_h images. Where every image's loss is guessed, and images were
// drawn from all alike, the share of the images up to a loss t is that of the guesses, plus what the sample says that
// they lack there: the mean of [loss <= t] - [guess <= t] (a difference estimator: Rao, Kovar and Mantel 1990, On
// estimating distribution functions and quantiles from survey data using auxiliary information). Where guesses are so
// bad that the share would be less certain with them, or NaN, a quantile goes without.
//
// Such a share can fall as t rises, by chance. A quantile is the loss where it is first reached, and so lies a little
// low.
//
// A quantile's standard error comes from that of the share up to it, by the quantiles at its confidence limits
// (Woodruff 1952, Confidence intervals for medians and other position measures).
#pragma once

#include <array>
#include <vector>

#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {

using QuantileEstimates = std::array<Estimate, kLossQuantiles.size()>;

// Of every image, or none.
struct LossGuesses {
  std::vector<float> all;    // [N]
  std::vector<float> drawn;  // those of the images that were drawn
};

// kLossQuantiles: of each the smallest loss up to which that share of all images lies. losses[i] belongs to
// drawn.strata[i]. NaN where a loss is.
QuantileEstimates estimate_quantiles(const Drawn& drawn, const std::vector<double>& losses,
                                     const LossGuesses& guesses = {});

}  // namespace thalweg

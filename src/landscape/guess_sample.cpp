#include "landscape/guess_sample.h"

namespace thalweg {

GuessSample::GuessSample(const Point& point, const StratifiedSample::Name& name)
    : BettingSample(point.split.images.size()),
      point_(point),
      sample_(one_stratum(point.split.images.size()), {1.0}, name) {
  for (const auto& [node, weight] : point.guess) add_weighted(guess_, weight, node->value);
}

std::vector<double> GuessSample::draw(std::int64_t n) {
  const std::vector<std::int64_t> images = sample_.grow(n);
  const ImageLosses values = point_.evaluator.evaluate(point_.split, images);
  std::vector<double> lacking;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image = static_cast<std::size_t>(images[i]);
    double right = 0, margin = 0;
    for (const auto& [node, weight] : point_.guess) {
      right += weight * node->images.correct[image];
      margin += weight * static_cast<double>(node->images.margins[image]);
    }
    drawn_.push_back(values.losses[i]);
    lacking.push_back(values.losses[i] - guessed_loss(point_.guess, image));
    right_.push_back(100 * (values.correct[i] - right));
    margins_.push_back(static_cast<double>(values.margins[i]) - margin);
  }
  return lacking;
}

Estimate GuessSample::loss() const {
  Estimate out = estimate_mean(sample_.drawn(), values());
  out.mean += guess_.loss().mean;
  return out;
}

LossGuesses GuessSample::guess_losses() const {
  LossGuesses out{guessed_losses(point_.guess), {}};
  for (const std::int64_t image : sample_.images()) out.drawn.push_back(out.all[static_cast<std::size_t>(image)]);
  return out;
}

SplitEstimate GuessSample::estimate() const {
  const Strata classes = class_strata(point_.split.labels, point_.num_classes);
  std::vector<std::int32_t> drawn_classes;
  for (const std::int64_t image : sample_.images())
    drawn_classes.push_back(classes.of[static_cast<std::size_t>(image)]);
  const Drawn all = sample_.drawn(), by_class{classes.sizes, drawn_classes};
  SplitEstimate out{{loss()}, size()};
  const auto add = [&](Estimate lacking) {
    lacking.mean += guess_.values[out.values.size()].mean;
    out.values.push_back(lacking);
  };
  add(estimate_mean(all, right_, /*one=*/100));
  add(estimate_mean(all, margins_));
  for (const Estimate& quantile : estimate_quantiles(all, drawn_, guess_losses())) out.values.push_back(quantile);
  for (const Estimate& lacking : estimate_strata(by_class, values())) add(lacking);
  for (const Estimate& lacking : estimate_strata(by_class, right_, /*one=*/100)) add(lacking);
  return out;
}

}  // namespace thalweg

#include "landscape/sample_summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

constexpr std::int64_t kClasses = 4;
constexpr std::int64_t kImages = 2000;

// Losses, predictions and margins of images at a point and at a correlated one. Class 3 has few images.
struct Population {
  ImageLosses images, control;
  std::vector<std::int64_t> labels;

  Population() {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    for (std::int64_t i = 0; i < kImages; ++i) {
      labels.push_back(i % 40 == 0 ? 3 : i % 3);
      const double margin = 1.5 - 0.5 * static_cast<double>(labels.back()) + normal(random);
      add(control, margin);
      add(images, margin + 0.3 * normal(random));
    }
  }

  static void add(ImageLosses& to, double margin) {
    to.losses.push_back(std::log1p(std::exp(-margin)));
    to.correct.push_back(margin > 0 ? 1 : 0);
    to.margins.push_back(static_cast<float>(margin));
  }

  // The estimate from a sample of n images.
  SplitEstimate by_sample(std::uint64_t seed, std::int64_t n) const {
    const Strata strata = class_strata(labels, kClasses);
    StratifiedSample sample(strata, {strata.sizes.begin(), strata.sizes.end()}, {seed, 0, 0});
    SampledImages drawn;
    for (const std::int64_t i : sample.grow(n)) {
      const auto k = static_cast<std::size_t>(i);
      drawn.here.add(images.losses[k], images.correct[k], images.margins[k]);
      drawn.control.add(control.losses[k], control.correct[k], control.margins[k]);
    }
    return summarise_sample(sample, drawn, exact_estimate(control, labels, kClasses));
  }
};

std::map<std::string, Estimate> by_name(const SplitEstimate& estimate) {
  const std::vector<std::string> names = summary_names("test", kClasses);
  EXPECT_EQ(estimate.values.size(), names.size());
  std::map<std::string, Estimate> out;
  for (std::size_t i = 0; i < names.size(); ++i) out[names[i]] = estimate.values[i];
  return out;
}

Estimate class_loss(const SplitEstimate& estimate, std::size_t c) {
  return estimate.values[kFirstClass + c];
}

TEST(SampleSummary, OfAllImagesIsExact) {
  const Population population;
  const auto whole = by_name(exact_estimate(population.images, population.labels, kClasses));
  const auto sample = by_name(population.by_sample(1, kImages));
  for (const auto& [name, estimate] : whole) {
    EXPECT_EQ(estimate.standard_error, 0) << name;
    EXPECT_NEAR(sample.at(name).mean, estimate.mean, 1e-10) << name;
    EXPECT_NEAR(sample.at(name).standard_error, 0, 1e-10) << name;
  }
}

// 95 % of 1,000 samples should; fewer for values that depend on few images, which have a skewed distribution.
TEST(SampleSummary, ItsIntervalsHoldWhatTheySay) {
  constexpr int kSamples = 1000;
  const Population population;
  const auto truth = by_name(exact_estimate(population.images, population.labels, kClasses));
  std::map<std::string, double> held, off;
  for (int seed = 0; seed < kSamples; ++seed) {
    for (const auto& [name, estimate] : by_name(population.by_sample(static_cast<std::uint64_t>(seed), 400))) {
      const double error = estimate.mean - truth.at(name).mean;
      held[name] += std::abs(error) <= 1.96 * estimate.standard_error ? 1.0 / kSamples : 0;
      off[name] += error / kSamples;
    }
  }
  for (const auto& [name, share] : held) {
    const bool few = name.ends_with("/3") || name.ends_with("q95") || name.ends_with("q05");
    EXPECT_GE(share, few ? 0.8 : 0.92) << name;
    EXPECT_LE(share, 0.985) << name;
    EXPECT_NEAR(off[name], 0, name.find("acc") != name.npos ? 1.5 : 0.03) << name;
  }
}

TEST(SampleSummary, TheControlMakesAClasssErrorSmall) {
  Population population;
  const double with = class_loss(population.by_sample(1, 400), 0).standard_error;
  std::mt19937_64 random(5);
  std::shuffle(population.control.losses.begin(), population.control.losses.end(), random);
  EXPECT_LT(2 * with, class_loss(population.by_sample(1, 400), 0).standard_error);
}

// A line through two or three points fits them perfectly, and would wrongly leave no residual variance.
TEST(SampleSummary, TheControlOfAFewImagesIsNotBelieved) {
  const Population population;
  EXPECT_GT(class_loss(population.by_sample(1, 40), 3).standard_error, 0.05);
}

TEST(SampleSummary, LetsANanReachWhatItConcerns) {
  Population population;
  for (std::size_t i = 0; i < population.labels.size(); ++i)
    if (population.labels[i] == 2) population.images.losses[i] = std::nan("");
  const auto values = by_name(population.by_sample(1, 100));
  EXPECT_TRUE(std::isnan(values.at("test_loss_q50").mean));
  EXPECT_TRUE(std::isnan(values.at("test_loss_q50").standard_error));
  EXPECT_TRUE(std::isnan(values.at("test_class_loss/2").mean));
  EXPECT_TRUE(std::isfinite(values.at("test_class_loss/1").mean));
  EXPECT_LT(values.at("test_class_loss/1").standard_error, 0.04);  // thanks to the control
  EXPECT_TRUE(std::isfinite(values.at("test_class_acc/2").mean));
}

TEST(SampleSummary, AClassWithoutImagesHasNoValue) {
  const std::vector<std::int64_t> labels = {0, 0, 0};
  const Strata strata = class_strata(labels, 2);
  StratifiedSample sample(strata, {3, 0}, {});
  sample.grow(2);
  const SampledImages drawn{{{1, 2}, {100, 0}, {1, -1}}, {{1, 2}, {100, 0}, {1, -1}}};
  const SplitEstimate control = exact_estimate({{1, 2, 1.5}, {1, 0, 0}, {1, -1, 0}}, labels, 2);
  const SplitEstimate estimate = summarise_sample(sample, drawn, control);
  EXPECT_TRUE(std::isnan(class_loss(estimate, 1).mean));
  EXPECT_TRUE(std::isnan(class_loss(estimate, 1).standard_error));
  EXPECT_DOUBLE_EQ(class_loss(estimate, 0).mean, 1.5);
}

}  // namespace
}  // namespace thalweg

#include "landscape/sampling.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

// Losses like those of images: most are small, some large, depending on the class; and correlated losses at a second
// point.
struct Population {
  std::vector<std::int64_t> labels;
  std::vector<double> losses;
  std::vector<double> control;
  double mean = 0, control_mean = 0;

  explicit Population(std::size_t n, double noise = 0.3) : labels(n), losses(n), control(n) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < n; ++i) {
      labels[i] = static_cast<std::int64_t>(random() % 5);
      control[i] = std::exp(0.5 * static_cast<double>(labels[i]) - 1.5 + 0.7 * normal(random));
      losses[i] = std::abs(1.3 * control[i] + noise * normal(random));
    }
    const auto count = static_cast<double>(n);
    mean = std::accumulate(losses.begin(), losses.end(), 0.0) / count;
    control_mean = std::accumulate(control.begin(), control.end(), 0.0) / count;
  }
};

std::vector<double> proportional(const Strata& strata) {
  return {strata.sizes.begin(), strata.sizes.end()};
}

std::vector<double> pick(const std::vector<double>& from, const std::vector<std::int64_t>& images) {
  std::vector<double> out;
  for (const std::int64_t i : images) out.push_back(from[static_cast<std::size_t>(i)]);
  return out;
}

TEST(StratifiedSample, DrawsEachImageOnceAndEachClassInProportion) {
  const Population p(1003);
  const Strata strata = class_strata(p.labels, 5);
  StratifiedSample sample(strata, proportional(strata), {3, 1, 2});
  sample.grow(200);
  const std::set<std::int64_t> distinct(sample.images().begin(), sample.images().end());
  EXPECT_EQ(distinct.size(), sample.images().size());
  EXPECT_NEAR(static_cast<double>(sample.images().size()), 200, 5);
  for (std::int32_t h = 0; h < 5; ++h) {
    const auto drawn = static_cast<double>(std::count(sample.drawn().strata.begin(), sample.drawn().strata.end(), h));
    EXPECT_NEAR(drawn, 200.0 * static_cast<double>(strata.sizes[static_cast<std::size_t>(h)]) / 1003, 1);
  }
  sample.grow(5000);
  EXPECT_EQ(sample.images().size(), 1003u);
}

TEST(StratifiedSample, GrowingInStepsDrawsWhatGrowingAtOnceDoes) {
  const Population p(500);
  const Strata strata = class_strata(p.labels, 5);
  StratifiedSample steps(strata, proportional(strata), {3, 1, 2}), once(strata, proportional(strata), {3, 1, 2}),
      other(strata, proportional(strata), {4, 1, 2});
  for (const std::int64_t n : {10, 30, 31, 200}) steps.grow(n);
  once.grow(200);
  other.grow(200);
  const auto as_set = [](const StratifiedSample& s) {
    return std::set<std::int64_t>(s.images().begin(), s.images().end());
  };
  EXPECT_EQ(as_set(steps), as_set(once));
  EXPECT_NE(as_set(other), as_set(once));
}

TEST(StratifiedSample, TakesAllOfAStratumThatItsShareExceeds) {
  const Strata strata{std::vector<std::int32_t>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, {8, 2}};
  StratifiedSample sample(strata, {1, 9}, {});
  sample.grow(6);
  EXPECT_EQ(std::count(sample.drawn().strata.begin(), sample.drawn().strata.end(), 1), 2);
  EXPECT_EQ(std::count(sample.drawn().strata.begin(), sample.drawn().strata.end(), 0), 4);
}

TEST(EstimateMean, OfAllImagesIsTheMeanWithoutError) {
  const Population p(321);
  const Strata strata = class_strata(p.labels, 5);
  StratifiedSample sample(strata, proportional(strata), {});
  sample.grow(321);
  const Estimate plain = estimate_mean(sample.drawn(), pick(p.losses, sample.images()));
  EXPECT_NEAR(plain.mean, p.mean, 1e-12);
  EXPECT_EQ(plain.standard_error, 0);
  const Estimate controlled =
      estimate_mean(sample.drawn(), pick(p.losses, sample.images()), pick(p.control, sample.images()), p.control_mean);
  EXPECT_NEAR(controlled.mean, p.mean, 1e-12);
}

// Over many samples there is no bias, the stated error is the actual one, and the 95 % intervals hold 95 % of the time.
TEST(EstimateMean, StatesItsErrorRightWithAndWithoutControl) {
  const Population p(3000);
  const Strata strata = class_strata(p.labels, 5);
  constexpr int kRepetitions = 2000;
  for (const bool controlled : {false, true}) {
    double sum = 0, squares = 0, stated = 0;
    int covered = 0;
    for (int r = 0; r < kRepetitions; ++r) {
      StratifiedSample sample(strata, proportional(strata), {static_cast<std::uint64_t>(r), 0, 0});
      sample.grow(400);
      const std::vector<double> y = pick(p.losses, sample.images()), x = pick(p.control, sample.images());
      const Estimate e =
          controlled ? estimate_mean(sample.drawn(), y, x, p.control_mean) : estimate_mean(sample.drawn(), y);
      sum += e.mean - p.mean;
      squares += (e.mean - p.mean) * (e.mean - p.mean);
      stated += e.standard_error * e.standard_error;
      covered += std::abs(e.mean - p.mean) <= 1.96 * e.standard_error;
    }
    const double error = std::sqrt(squares / kRepetitions);
    EXPECT_LT(std::abs(sum / kRepetitions), 3.5 * error / std::sqrt(kRepetitions) + 0.02 * error);
    EXPECT_NEAR(std::sqrt(stated / kRepetitions), error, 0.06 * error);
    EXPECT_GT(covered, 0.93 * kRepetitions);
    EXPECT_LT(covered, 0.97 * kRepetitions);
  }
}

struct Controlled {
  Population population;
  StratifiedSample sample;
  std::vector<double> losses, control;  // of the sample
};

Controlled draw_300() {
  const Population p(3000);
  const Strata strata = class_strata(p.labels, 5);
  StratifiedSample sample(strata, proportional(strata), {1, 0, 0});
  sample.grow(300);
  return {p, sample, pick(p.losses, sample.images()), pick(p.control, sample.images())};
}

TEST(EstimateMean, AControlThatGoesAlongLowersTheErrorAndAnIdleOneDoesNotRaiseIt) {
  const auto [p, sample, y, x] = draw_300();
  const double plain = estimate_mean(sample.drawn(), y).standard_error;
  EXPECT_LT(estimate_mean(sample.drawn(), y, x, p.control_mean).standard_error, 0.4 * plain);
  std::vector<double> idle(x.size());
  std::mt19937_64 random(1);
  for (double& value : idle) value = std::normal_distribution<double>()(random);
  EXPECT_LT(estimate_mean(sample.drawn(), y, idle, 0).standard_error, 1.02 * plain);
  const std::vector<double> constant(x.size(), 2.0);
  EXPECT_EQ(estimate_mean(sample.drawn(), y, constant, 2).standard_error, plain);
}

// As at a reference point with overflowing logits for one image, whether that is drawn or not.
TEST(EstimateMean, DoesWithoutAControlThatIsNotFinite) {
  const auto [p, sample, y, x] = draw_300();
  std::vector<double> one_off = x;
  one_off[7] = INFINITY;
  const Estimate plain = estimate_mean(sample.drawn(), y);
  for (const Estimate& found :
       {estimate_mean(sample.drawn(), y, x, NAN), estimate_mean(sample.drawn(), y, one_off, p.control_mean)}) {
    EXPECT_EQ(found.mean, plain.mean);
    EXPECT_EQ(found.standard_error, plain.standard_error);
  }
  const std::vector<Estimate> classes = estimate_strata(sample.drawn(), y);
  std::vector<double> means(5, p.control_mean);
  means[3] = NAN;
  const std::vector<Estimate> found = estimate_strata(sample.drawn(), y, x, means);
  for (std::size_t c = 0; c < 5; ++c) EXPECT_EQ(found[c].mean, classes[c].mean) << c;
}

// Draws from all images alike, and sorts them into classes afterwards.
// All of most strata are drawn and two of four of the last one, through which a line would go exactly.
TEST(EstimateMean, DoesWithoutAControlThatTooFewImagesCouldTell) {
  const std::vector<std::int64_t> sizes = {2, 2, 4};
  const std::vector<std::int32_t> strata = {0, 0, 1, 1, 2, 2};
  const std::vector<double> values = {1, 2, 3, 4, 5, 9}, control = {1, 2, 3, 4, 6, 7};
  const Estimate plain = estimate_mean({sizes, strata}, values);
  const Estimate controlled = estimate_mean({sizes, strata}, values, control, 4);
  EXPECT_GT(plain.standard_error, 0);
  EXPECT_EQ(controlled.standard_error, plain.standard_error);
  EXPECT_EQ(controlled.mean, plain.mean);
  // Nor do images tell it whose stratum has a value that is not a number.
  std::vector<std::int32_t> more = strata;
  std::vector<double> broken = values, its_control = control;
  for (int i = 0; i < 10; ++i) {
    more.push_back(3);
    broken.push_back(i == 0 ? std::nan("") : i);
    its_control.push_back(i % 3);
  }
  const std::vector<std::int64_t> four = {2, 2, 4, 20};
  const auto by_class = estimate_strata({four, more}, broken, its_control, {1.5, 3.5, 6, 1});
  EXPECT_EQ(by_class[2].standard_error, estimate_strata({four, more}, broken)[2].standard_error);
  EXPECT_GT(by_class[2].standard_error, 0);
}

TEST(EstimateStrata, StatesTheErrorsOfClassesRight) {
  const Population p(3000);
  const Strata strata = class_strata(p.labels, 5);
  std::vector<double> truth(5), held(5), off(5), squares(5), stated(5);
  for (std::size_t i = 0; i < p.losses.size(); ++i) {
    const auto c = static_cast<std::size_t>(p.labels[i]);
    truth[c] += p.losses[i] / static_cast<double>(strata.sizes[c]);
  }
  constexpr int kRepetitions = 1000;
  for (int r = 0; r < kRepetitions; ++r) {
    StratifiedSample sample(one_stratum(3000), {1.0}, {static_cast<std::uint64_t>(r), 0, 0});
    std::vector<std::int32_t> classes;
    for (const std::int64_t image : sample.grow(400)) classes.push_back(strata.of[static_cast<std::size_t>(image)]);
    const std::vector<Estimate> means = estimate_strata({strata.sizes, classes}, pick(p.losses, sample.images()));
    for (std::size_t c = 0; c < 5; ++c) {
      const double error = means[c].mean - truth[c];
      held[c] += std::abs(error) <= 1.96 * means[c].standard_error ? 1.0 / kRepetitions : 0;
      off[c] += error / means[c].standard_error / kRepetitions;
      squares[c] += error * error;
      stated[c] += means[c].standard_error * means[c].standard_error;
    }
  }
  for (std::size_t c = 0; c < 5; ++c) {
    EXPECT_GE(held[c], 0.91) << c;
    const double ratio = std::sqrt(stated[c] / squares[c]);  // borrowing from the others makes a small class's error
                                                             // larger
    EXPECT_GE(ratio, 0.9) << c;
    EXPECT_LE(ratio, c == 0 ? 1.4 : 1.2) << c;
    EXPECT_NEAR(off[c], 0, 0.3) << c;  // skewed: small errors come with small means
  }
}

// Residuals of guesses: most are small, a few large. About three images are drawn from each of 100 classes.
TEST(EstimateStrata, StatesErrorsThatHoldWhereFewImagesOfAClassAreDrawn) {
  constexpr std::int64_t kMany = 10000, kClasses = 100;
  std::mt19937_64 random(9);
  std::vector<double> lacking;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < kMany; ++i) {
    const double normal = std::normal_distribution<double>()(random);
    lacking.push_back(normal * normal * normal);
    labels.push_back(i % kClasses);
  }
  const Strata classes = class_strata(labels, kClasses);
  std::vector<double> truth(kClasses);
  for (std::size_t i = 0; i < lacking.size(); ++i) truth[i % kClasses] += lacking[i] * kClasses / kMany;
  std::map<std::int64_t, std::pair<double, double>> held;  // by number of images drawn from the class: held, all
  for (std::uint64_t r = 0; r < 200; ++r) {
    StratifiedSample sample(one_stratum(kMany), {1.0}, {r, 0, 0});
    std::vector<std::int32_t> drawn;
    std::vector<std::int64_t> count(kClasses);
    for (const std::int64_t image : sample.grow(300)) {
      drawn.push_back(classes.of[static_cast<std::size_t>(image)]);
      ++count[static_cast<std::size_t>(drawn.back())];
    }
    const std::vector<Estimate> means = estimate_strata({classes.sizes, drawn}, pick(lacking, sample.images()));
    for (std::size_t c = 0; c < means.size(); ++c) {
      auto& [within, all] = held[std::min<std::int64_t>(count[c], 8)];
      within += std::abs(means[c].mean - truth[c]) <= 1.96 * means[c].standard_error ? 1 : 0;
      all += 1;
    }
  }
  for (const auto& [count, share] : held) EXPECT_GE(share.first, 0.9 * share.second) << count;
}

// With few images per class, too few to estimate the control's factor and the residual spread from the class alone.
TEST(EstimateStrata, StatesTheErrorsOfClassesRightWithAControl) {
  const Population p(3000);
  const Strata strata = class_strata(p.labels, 5);
  std::vector<double> truth(5), controls(5);
  for (std::size_t i = 0; i < p.losses.size(); ++i) {
    const auto c = static_cast<std::size_t>(p.labels[i]);
    truth[c] += p.losses[i] / static_cast<double>(strata.sizes[c]);
    controls[c] += p.control[i] / static_cast<double>(strata.sizes[c]);
  }
  constexpr int kRepetitions = 1000;
  for (const std::int64_t drawn : {20, 50, 200}) {
    double held = 0, squares = 0, plain = 0;
    for (std::uint64_t r = 0; r < kRepetitions; ++r) {
      StratifiedSample sample(strata, proportional(strata), {r, 0, 0});
      sample.grow(drawn);
      const std::vector<double> y = pick(p.losses, sample.images()), x = pick(p.control, sample.images());
      const std::vector<Estimate> with = estimate_strata(sample.drawn(), y, x, controls);
      const std::vector<Estimate> without = estimate_strata(sample.drawn(), y);
      for (std::size_t c = 0; c < 5; ++c) {
        const double error = with[c].mean - truth[c];
        held += std::abs(error) <= 1.96 * with[c].standard_error ? 0.2 / kRepetitions : 0;
        squares += error * error;
        plain += (without[c].mean - truth[c]) * (without[c].mean - truth[c]);
      }
    }
    EXPECT_GE(held, drawn == 20 ? 0.9 : 0.92) << drawn;
    EXPECT_LE(held, 0.98) << drawn;
    EXPECT_LT(squares, 0.25 * plain) << drawn;
  }
}

TEST(EstimateStrata, KnowsHowLittleAFewImagesSay) {
  const std::vector<std::int64_t> sizes = {10, 10, 10, 0};
  const std::vector<std::int32_t> strata = {0, 0, 1};
  const std::vector<Estimate> means = estimate_strata({sizes, strata}, {1, 3, 8});
  EXPECT_EQ(means[0].mean, 2);
  EXPECT_DOUBLE_EQ(means[0].standard_error, std::sqrt(0.8 * 2 / 2));  // the only variance there is
  EXPECT_EQ(means[1].mean, 8);
  EXPECT_DOUBLE_EQ(means[1].standard_error, std::sqrt(0.9 * 2));  // from the other's variance
  EXPECT_EQ(means[2].mean, 4);
  EXPECT_DOUBLE_EQ(means[2].standard_error, std::sqrt(13));  // the variance of all
  EXPECT_TRUE(std::isnan(means[3].mean));
  const std::vector<Estimate> shares = estimate_strata({sizes, strata}, {100, 100, 100}, /*one=*/100);
  EXPECT_DOUBLE_EQ(shares[0].standard_error, 100 * std::sqrt(0.8 / 2) / 3);
  EXPECT_GT(shares[2].standard_error, 50);
  // Without two images of the same stratum, only the spread of all is known.
  const std::vector<std::int32_t> alone = {0, 1, 2};
  for (std::size_t h = 0; h < 3; ++h)
    EXPECT_DOUBLE_EQ(estimate_strata({sizes, alone}, {1, 3, 8})[h].standard_error, std::sqrt(0.9 * 13)) << h;
}

TEST(EstimateStrata, AValueThatIsNotANumberIsItsOwnStratumsAlone) {
  const std::vector<std::int64_t> sizes = {10, 10};
  const std::vector<std::int32_t> strata = {0, 0, 0, 1, 1, 1};
  const std::vector<double> values = {1, 3, 8, 2, std::nan(""), 3}, control = {0, 1, 3, 1, 2, 1};
  const std::vector<Estimate> means = estimate_strata({sizes, strata}, values, control, {2, 2});
  const std::vector<std::int64_t> size = {10};
  const std::vector<std::int32_t> first = {0, 0, 0};
  const Estimate alone = estimate_strata({size, first}, {1, 3, 8}, {0, 1, 3}, {2}).front();
  EXPECT_DOUBLE_EQ(means[0].mean, alone.mean);
  EXPECT_NEAR(means[0].standard_error, alone.standard_error, 0.2 * alone.standard_error);
  EXPECT_LT(means[0].standard_error, 0.5);  // thanks to the control
  EXPECT_TRUE(std::isnan(means[1].mean));
  EXPECT_TRUE(std::isnan(means[1].standard_error));
}

}  // namespace
}  // namespace thalweg

#include "landscape/guess_sample.h"

#include "landscape/bowl_fixture.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

class GuessSampleTest : public BowlTest {
 protected:
  GuessSampleTest() : evaluator_({plane_, graph_, data_, at::kCPU}, config_, at::kFloat) {
    evaluator_.prepare({{0.3, -0.2}, {0.4, -0.2}});
  }
  ImageGuess::Node node_at(std::size_t point) {
    evaluator_.use(point);
    const ImageLosses all = evaluator_.evaluate(split());
    KeptImages images = from_bytes(to_bytes({all}), {split().images.size()}).front();
    return {std::move(images), mean_loss(all), accuracy_percent(all)};
  }
  const LandscapeSplit& split() const { return evaluator_.splits().front(); }

  PointEvaluator evaluator_;
};

TEST_F(GuessSampleTest, OfARightGuessHasNoSpread) {
  const ImageGuess::Node node = node_at(0);
  const std::vector<ImageGuess::Weighted> guess = {{&node, 1}};
  GuessSample sample(evaluator_, split(), guess, {1, 2, 3});
  sample.grow(50);
  sample.grow(100);
  EXPECT_EQ(sample.size(), 100);
  EXPECT_NEAR(sample.estimate().loss.mean, node.loss, 1e-6);
  EXPECT_LT(sample.half_width(0.05), 1e-5);
  EXPECT_EQ(sample.estimate().accuracy.mean, node.accuracy);
}

TEST_F(GuessSampleTest, IsWithoutBiasHoweverWrongTheGuess) {
  const ImageGuess::Node node = node_at(1);
  const double truth = node_at(0).loss;
  for (const double weight : {1.0, 0.0, -2.0}) {
    const std::vector<ImageGuess::Weighted> guess = {{&node, weight}};
    double mean = 0, squares = 0, stated = 0;
    for (std::uint32_t r = 0; r < 200; ++r) {
      GuessSample sample(evaluator_, split(), guess, {7, r, 1});
      sample.grow(60);
      const Estimate loss = sample.estimate().loss;
      mean += loss.mean / 200;
      squares += (loss.mean - truth) * (loss.mean - truth) / 200;
      stated += loss.standard_error * loss.standard_error / 200;
    }
    EXPECT_NEAR(mean, truth, 4 * std::sqrt(squares / 200)) << weight;
    EXPECT_NEAR(squares / stated, 1, 0.35) << weight;
    GuessSample whole(evaluator_, split(), guess, {7, 0, 1});
    whole.grow(split().images.size());
    EXPECT_NEAR(whole.estimate().loss.mean, truth, 1e-6);
    EXPECT_EQ(whole.half_width(0.05), 0);
  }
}

}  // namespace
}  // namespace thalweg

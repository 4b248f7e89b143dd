#include "landscape/audit_sample.h"

#include "landscape/guess_fixture.h"

namespace thalweg {
namespace {

constexpr double kTolerance = 0.05, kFailure = 0.01;
constexpr std::uint32_t kRepetitions = 50;

// A point guessed from two nodes, one of them so wrong about a few images that the guess is wrong.
class AuditSampleTest : public GuessTest {
 protected:
  AuditSampleTest() : there_(node_at(1)), here_(node_at(0)) {
    for (std::size_t image = 0; image < kWrong; ++image) there_.images.losses[image * 100] += 40;
    there_.value.values[kLoss].mean += kWrong * 40.0 / 900;
  }
  AuditSample sample(std::uint32_t repetition) { return {point(guess_), {7, repetition, 1}, kTolerance}; }

  static constexpr std::size_t kWrong = 5;
  ImageGuess::Node there_, here_;
  ImageGuess::Guess guess_ = {{&there_, 0.5}, {&here_, 0.5}};
  const double truth_ = here_.value.loss().mean;
};

TEST_F(AuditSampleTest, LooksAtAllImagesThatMayBeFarOff) {
  ASSERT_GT(guessed_mean(guess_), truth_ + 1.5 * kTolerance);
  for (std::uint32_t r = 0; r < kRepetitions; ++r) {
    AuditSample of_guess = sample(r), of_truth = sample(r);
    const auto wrong = of_guess.judge(guessed_mean(guess_), kFailure), right = of_truth.judge(truth_, kFailure);
    ASSERT_TRUE(wrong && right);
    EXPECT_TRUE(wrong->violated);
    EXPECT_NEAR(wrong->deviation, guessed_mean(guess_) - truth_, kTolerance / 2);
    EXPECT_FALSE(right->violated);
    EXPECT_LT(of_guess.images(), split().images.size() / 2);
  }
}

}  // namespace
}  // namespace thalweg

#include <gtest/gtest.h>

#include "synthetic_results.h"

namespace thalweg {
namespace {

TEST(Claims, AcrossExperimentsTheyAskForDepthsAndDataSets) {
  Results shallow = results_of(kLaterIsBetter), deep = shallow, other = shallow;
  shallow.config = {{"model", {{"name", "mlp"}, {"hidden", {64}}}}, {"data", {{"name", "cifar10"}}}};
  deep.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", "cifar10"}}}};
  other.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", "fashion_mnist"}}}};
  EXPECT_EQ(claim_named(claims_across({shallow, deep}), "depth").verdict, Verdict::kSupported);
  EXPECT_EQ(claim_named(claims_across({shallow, deep}), "data").verdict, Verdict::kNotTested);
  EXPECT_EQ(claim_named(claims_across({deep, other}), "data").verdict, Verdict::kSupported);
  EXPECT_EQ(claim_named(claims_across({deep, other}), "depth").verdict, Verdict::kNotTested);
  other.seeds = results_of({{0.55, 0.52, 0.50}, {0.55, 0.53, 0.51}, {0.56, 0.53, 0.50}}).seeds;
  EXPECT_EQ(claim_named(claims_across({deep, other}), "data").verdict, Verdict::kUndecided);
}

TEST(Claims, OfADataSetOneUndecidedNetworkDoesNotUndoAnother) {
  const auto experiment = [](const std::string& title, const std::string& data,
                             const std::vector<std::vector<double>>& last) {
    Results out = results_of(last);
    out.title = title;
    out.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", data}}}};
    return out;
  };
  const std::vector<std::vector<double>> noise = {{0.50, 0.52, 0.55}, {0.55, 0.53, 0.51}, {0.50, 0.53, 0.51}};
  const Results one = experiment("one", "cifar10", kLaterIsBetter), noisy = experiment("two", "cifar10", noise),
                other = experiment("other", "fashion_mnist", kLaterIsBetter);
  const Claim data = claim_named(claims_across({one, noisy, other}), "data");
  EXPECT_EQ(data.verdict, Verdict::kSupported);
  expect_told(data, "points an epoch of delay: cifar10 supported (one: 1.250 [0.629, 1.871], p = 0.013; two: ");
  expect_told(data, "fashion_mnist supported (other: 1.250");
  // Of four networks only one is significant, with p = 0.013: Holm's corrected p is 0.052.
  EXPECT_EQ(claim_named(claims_across({one, noisy, noisy, noisy, other}), "data").verdict, Verdict::kUndecided);
  // Networks without any difference are tests like the others.
  const Results level = experiment("level", "cifar10", {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}});
  EXPECT_EQ(claim_named(claims_across({one, level, other}), "data").verdict, Verdict::kSupported);
  EXPECT_EQ(claim_named(claims_across({one, level, level, level, other}), "data").verdict, Verdict::kUndecided);
  // A network with the opposite result does undo it.
  const Results opposite = experiment("three", "cifar10", {{0.55, 0.52, 0.50}, {0.55, 0.53, 0.51}, {0.56, 0.53, 0.50}});
  EXPECT_EQ(claim_named(claims_across({one, opposite, other}), "data").verdict, Verdict::kUndecided);
}

}  // namespace
}  // namespace thalweg

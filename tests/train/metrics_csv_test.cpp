#include "train/metrics_csv.h"

#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(MetricsCsv, IsAHeaderWhereNoEpochIsDone) {
  EXPECT_EQ(metrics_csv({}), "step,epoch,lr\n");
}

TEST(MetricsCsv, LeavesCellsEmptyWhereThereIsNoValue) {
  const std::vector<nlohmann::json> epochs = {
      {{"kind", "epoch"}, {"step", 5}, {"epoch", 1}, {"lr", 0.1}, {"train_loss", 2.5}, {"seconds", 1}},
      {{"kind", "epoch"}, {"step", 10}, {"epoch", 2}, {"lr", 0.1}, {"test_loss", 3}, {"train_loss", NAN}}};
  EXPECT_EQ(metrics_csv(epochs), "step,epoch,lr,seconds,test_loss,train_loss\n5,1,0.1,1,,2.5\n10,2,0.1,,3,\n");
}

TEST(MetricsCsv, KeepsEveryBitOfANumber) {
  const double third = 1.0 / 3;
  const std::string text = metrics_csv({{{"kind", "epoch"}, {"step", 1}, {"epoch", third}, {"lr", 1e-300}}});
  EXPECT_EQ(std::stod(text.substr(text.find("\n1,") + 3)), third);
}

}  // namespace
}  // namespace thalweg

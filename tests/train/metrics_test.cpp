#include "train/metrics.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

const std::string kStep = R"({"kind":"step","step":1,"loss":2})", kEpoch = R"({"kind":"epoch","step":2})",
                  kEvaluation = R"({"kind":"evaluation","step":3})";

class MetricLines : public testing::Test {
 protected:
  std::size_t count(const std::string& text, MetricsEnd end) const {
    const std::filesystem::path file = folder_.path() / "metrics.jsonl";
    write_file_atomically(file, text);
    return read_metric_lines(file, end).size();
  }

  const TempFolder folder_;
};

TEST_F(MetricLines, AreThoseOfEpochsAndEvaluations) {
  for (const MetricsEnd end : {MetricsEnd::kWhole, MetricsEnd::kMayBeTorn}) {
    EXPECT_EQ(count(kStep + "\n" + kEpoch + "\n" + kEvaluation + "\n", end), 2u);
    EXPECT_EQ(count(kEpoch, end), 1u);  // complete except for the newline
    EXPECT_EQ(count("", end), 0u);
  }
}

TEST_F(MetricLines, MayEndInATornOneOnlyWhereARunMayBeWriting) {
  const std::string torn = kEpoch + "\n" + kEpoch.substr(0, 9);
  EXPECT_EQ(count(torn, MetricsEnd::kMayBeTorn), 1u);
  EXPECT_THROW(count(torn, MetricsEnd::kWhole), Error);
}

TEST_F(MetricLines, AreRefusedWhereDamaged) {
  for (const MetricsEnd end : {MetricsEnd::kWhole, MetricsEnd::kMayBeTorn}) {
    for (const std::string& damaged : {kEpoch.substr(0, 9) + "\n" + kEpoch, kEpoch.substr(0, 9) + "\n",
                                       std::string("[1]\n"), std::string("{\"step\":1}")})
      EXPECT_THROW(count(damaged, end), Error) << damaged;
  }
}

}  // namespace
}  // namespace thalweg

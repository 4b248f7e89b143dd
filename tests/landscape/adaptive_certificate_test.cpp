#include "landscape/adaptive_certificate.h"

#include "landscape/bowl_fixture.h"

namespace thalweg {
namespace {

class AdaptiveCertificate : public BowlTest {
 protected:
  AdaptiveCertificate() { config_.tolerance = "5%"; }

  Grid grid_ = make_grid({17, 15}, {-1, 1, -1, 1});
  PointEvaluator evaluator_{{plane_, graph_, data_, at::kCPU}, config_, at::kFloat};
  Journal journal_{folder_ / "journal", nlohmann::json::object(), estimated_names(evaluator_.splits(), 10)};
  MapRun run_{{grid_, config_, evaluator_, journal_, 10}, ProgressMode::kQuiet};
};

TEST_F(AdaptiveCertificate, AuditsSoManyPointsThatItsConfidenceHoldsForAllPasses) {
  AdaptiveLevels levels(run_, 0);
  levels.evaluate();
  const Certificate certificate = audit_levels(run_, levels, 0);
  EXPECT_LE(kPasses * std::pow(0.95 + 0.05 * 0.01, certificate.audited), 0.05);
  EXPECT_EQ(certificate.violations, 0u);
}

TEST_F(AdaptiveCertificate, DrawsInexactPointsAloneAndOthersInEachPass) {
  std::set<std::size_t> before;
  for (int pass = 0; pass < 2; ++pass) {
    AdaptiveLevels levels(run_, pass);
    levels.evaluate();
    const Certificate certificate = audit_levels(run_, levels, pass);
    std::set<std::size_t> audited;
    for (const std::size_t point : run_.all_points()) {
      const AdaptivePoint record = levels.point(point);
      if (!record.audit || record.audit->pass != pass) continue;
      EXPECT_NE(record.cell, Cell::kExact) << point;
      audited.insert(point);
    }
    EXPECT_EQ(audited.size(), certificate.audited);
    EXPECT_NE(audited, before);
    before = audited;
  }
}

TEST_F(AdaptiveCertificate, DrawsOtherImagesThanTheEstimate) {
  AdaptiveLevels levels(run_, 0);
  levels.evaluate();
  constexpr std::size_t kPoint = 1;  // of the finest level
  evaluator_.prepare({run_.at(kPoint)});
  evaluator_.use(0);
  const auto mean_by = [&](AdaptiveLevels::Purpose purpose) {
    GuessSample sample(levels.guessed(kPoint, 0), levels.draws(kPoint, 0, purpose));
    sample.grow(100);
    return sample.mean();
  };
  const double of_estimate = mean_by(AdaptiveLevels::Purpose::kEstimate);
  EXPECT_NE(of_estimate, mean_by(AdaptiveLevels::Purpose::kAudit));
  EXPECT_EQ(of_estimate, mean_by(AdaptiveLevels::Purpose::kEstimate));
}

}  // namespace
}  // namespace thalweg

// An adaptive map: exact where it pays, else estimated or interpolated, and certified.
//
// A pass over the levels of the grid (adaptive_levels.h) is followed by an audit (adaptive_certificate.h). If a point
// is outside the tolerance, another pass follows with half the tolerance, up to kPasses in all.
#include <algorithm>
#include <memory>

#include "landscape/adaptive_certificate.h"

namespace thalweg {
namespace {

// The pass in which a stopped map resumes.
int recorded_pass(const MapRun& run) {
  int pass = 0;
  for (const auto& [point, record] : run.journal().points())
    pass = std::max(pass, adaptive_point(record, run.evaluator().splits().size(), run.num_classes()).pass);
  return pass;
}

}  // namespace

nlohmann::json map_adaptively(MapRun& run) {
  for (int pass = recorded_pass(run);; ++pass) {
    const auto levels = std::make_shared<AdaptiveLevels>(run, pass);
    run.on_gaps([levels](Surface& surface) { levels->fill(surface); });
    levels->evaluate();
    const Certificate certificate = audit_levels(run, *levels, pass);
    if (certificate.violations == 0 || pass + 1 == kPasses) return describe(certificate, run, *levels, pass);
  }
}

}  // namespace thalweg

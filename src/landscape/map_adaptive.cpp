// An adaptive map: exact where it pays, else estimated or interpolated, and certified.
//
// A pass over the levels of the grid (adaptive_levels.h) is followed by an audit (adaptive_certificate.h). If a point
// is outside of the tolerance, another pass takes half of the tolerance before, kPasses in all.
#include <algorithm>
#include <memory>

#include "landscape/adaptive_certificate.h"

namespace thalweg {
namespace {

constexpr int kPasses = 3;

// A map that was stopped goes on in this pass.
int recorded_pass(const Journal& journal, std::size_t num_splits) {
  int pass = 0;
  for (const auto& [point, record] : journal.points()) pass = std::max(pass, adaptive_point(record, num_splits).pass);
  return pass;
}

}  // namespace

std::vector<std::string> adaptive_names(const std::vector<LandscapeSplit>& splits) {
  std::vector<std::string> names = {"cell"};
  for (const LandscapeSplit& split : splits) {
    for (std::string& name : estimate_names(split.name)) names.push_back(std::move(name));
  }
  return names;
}

nlohmann::json map_adaptively(MapRun& run) {
  for (int pass = recorded_pass(run.journal(), run.evaluator().splits().size());; ++pass) {
    const auto levels = std::make_shared<AdaptiveLevels>(run, pass);
    run.on_gaps([levels](Surface& surface) { levels->fill(surface); });
    levels->evaluate();
    const Certificate certificate = audit_levels(run, *levels, pass);
    if (certificate.violations == 0 || pass + 1 == kPasses) return describe(certificate, run, *levels, pass);
  }
}

}  // namespace thalweg

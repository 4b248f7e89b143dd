// The claims of several experiments together (claims.h).
#include <algorithm>
#include <iterator>
#include <map>

#include "io/json_member.h"
#include "report/claim_text.h"
#include "report/claims.h"
#include "report/decay_comparison.h"

namespace thalweg {
namespace {

constexpr double kLevel = 0.05;

Claim accuracy_claim(const Results& results) {
  const std::vector<Claim> claims = claims_of(results);
  return *std::ranges::find(claims, "later-accuracy", &Claim::id);
}

// Networks with at most one hidden layer are shallow.
std::string depth_of(const Results& results) {
  const nlohmann::json model = member(results.config, "model");
  return member(model, "name") == "mlp" && member(model, "hidden").size() <= 1 ? "shallow" : "deep";
}

std::string data_of(const Results& results) {
  const nlohmann::json name = member(member(results.config, "data"), "name");
  return name.is_string() ? name.get<std::string>() : "";
}

// The result of one experiment on later decay.
struct Finding {
  std::string title;
  Claim claim;
};

// Judges the experiments on one data set or of one depth.
Verdict group_verdict(const std::vector<Finding>& group) {
  std::vector<double> p;
  for (const Finding& finding : group) p.push_back(p_of(finding.claim.estimate));
  p = holm(p);
  const auto any = [&](Verdict verdict, const std::vector<double>& against = {}) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (group[i].claim.verdict == verdict && (against.empty() || against[i] < kLevel)) return true;
    }
    return false;
  };
  if (any(Verdict::kSupported, p) && !any(Verdict::kContradicted)) return Verdict::kSupported;
  if (any(Verdict::kContradicted, p) && !any(Verdict::kSupported)) return Verdict::kContradicted;
  return Verdict::kUndecided;
}

// Judges the groups together.
Verdict joint_verdict(const std::vector<Verdict>& verdicts) {
  const auto all = [&](Verdict v) { return std::count(verdicts.begin(), verdicts.end(), v) == std::ssize(verdicts); };
  return all(Verdict::kSupported)      ? Verdict::kSupported
         : all(Verdict::kContradicted) ? Verdict::kContradicted
                                       : Verdict::kUndecided;
}

std::string finding_text(const Finding& finding) {
  const MeanTest& slope = finding.claim.estimate;
  return slope.count == 0 ? finding.title + ": " + to_string(Verdict::kNotTested)
                          : fmt::format("{}: {}, {}", finding.title, with_interval(slope, 3), p_text(slope));
}

Claim across_claim(const std::vector<Results>& experiments, std::string (*group_of)(const Results&), Claim claim) {
  if (experiments.size() < 2) {
    claim.measured = "one experiment; 'thalweg report A B --out DIR' compares several";
    return claim;
  }
  std::map<std::string, std::vector<Finding>> groups;
  for (const Results& results : experiments)
    groups[group_of(results)].push_back({results.title, accuracy_claim(results)});
  std::vector<Verdict> verdicts;
  for (const auto& [name, group] : groups) {
    std::string list;
    bool tested = false;
    for (const Finding& finding : group) {
      list += (list.empty() ? "" : "; ") + finding_text(finding);
      tested = tested || finding.claim.verdict != Verdict::kNotTested;
    }
    if (tested) verdicts.push_back(group_verdict(group));
    claim.measured += fmt::format("{}{} {} ({})", claim.measured.empty() ? "points an epoch of delay: " : ", ", name,
                                  to_string(tested ? verdicts.back() : Verdict::kNotTested), list);
  }
  if (verdicts.size() > 1) claim.verdict = joint_verdict(verdicts);
  return claim;
}

}  // namespace

std::vector<Claim> claims_across(const std::vector<Results>& experiments) {
  return {
      across_claim(experiments, depth_of,
                   {"depth", "Later decay helps shallow and deep networks", "", Verdict::kNotTested}),
      across_claim(experiments, data_of, {"data", "Later decay helps on a second data set", "", Verdict::kNotTested})};
}

}  // namespace thalweg

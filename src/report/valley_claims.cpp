#include "report/valley_claims.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/claim_text.h"
#include "report/valley.h"

namespace thalweg {
namespace {

constexpr double kAligned = 0.7;
constexpr double kBarrier = 0.2;
constexpr double kNear = 0.5;

// `count` of `all` seeds have a geometry that satisfies the criterion; a single seed decides nothing.
Verdict by_count(std::size_t count, std::size_t all) {
  if (all < 2) return Verdict::kUndecided;
  return count == all ? Verdict::kSupported : count == 0 ? Verdict::kContradicted : Verdict::kUndecided;
}

// Says where the straight lines between ends were evaluated; for `on_plane` of `all` seeds, only on the plane.
std::string where_lines_are(std::size_t on_plane, std::size_t all) {
  if (on_plane == 0) return " in weight space";
  return on_plane == all ? " on the plane"
                         : fmt::format(" in weight space (in {}: on the plane)", of_seeds(on_plane, all));
}

// `valleys`: those of the seeds with a descent, at least one.
void tell_along(const std::vector<Valley>& valleys, Claim* claim) {
  std::vector<double> alignment, rises;
  std::size_t count = 0, on_plane = 0;
  double error = 0;
  for (const Valley& valley : valleys) {
    error = std::isnan(valley.standard_error) ? NAN : std::max(error, valley.standard_error);  // NaN stays
    alignment.push_back(valley.alignment);
    if (std::isfinite(valley.barrier)) rises.push_back(100 * valley.barrier);
    if (valley.alignment >= kAligned && valley.barrier <= kBarrier) ++count;
    if (!valley.in_weight_space) ++on_plane;
  }
  claim->estimate = test_mean(rises);
  claim->unit = "% of the descent";
  claim->measured =
      fmt::format("on the plane, its way from the first fork on and the floor that the branches end on lie at |cos| {}",
                  with_interval(test_mean(alignment), 2));
  if (!rises.empty()) {
    claim->measured += fmt::format(
        "; on straight lines between neighbouring ends{} the train loss rises by {} % of the descent to "
        "the floor",
        where_lines_are(on_plane, valleys.size()), with_interval(claim->estimate, 1));
    if (std::isnan(error)) claim->measured += ", where losses are of samples, how near is not known";
    if (error > 0)
      claim->measured += fmt::format(", where losses of samples have standard errors of up to {:.1f} %", 100 * error);
  }
  if (const std::size_t bad = valleys.size() - rises.size(); bad > 0)
    claim->measured += fmt::format("; in {} it is not finite there", of_seeds(bad, valleys.size()));
  claim->verdict = by_count(count, valleys.size());
}

Claim along_claim(std::vector<Valley> valleys, Claim claim) {
  const std::size_t all = valleys.size();
  const std::size_t unseen = std::erase_if(valleys, [](const Valley& valley) { return !valley.descends; });
  claim.verdict = Verdict::kUndecided;
  if (!valleys.empty()) tell_along(valleys, &claim);
  if (unseen == 0) return claim;
  claim.measured +=
      fmt::format("{}no descent is seen in {}", claim.measured.empty() ? "" : "; ", of_seeds(unseen, all));
  if (claim.verdict == Verdict::kSupported) claim.verdict = Verdict::kUndecided;
  return claim;
}

Claim near_claim(const std::vector<Valley>& valleys, Claim claim) {
  std::vector<double> first, last, parts;
  std::size_t near = 0, nearer = 0, on_edge = 0;
  for (const Valley& valley : valleys) {
    first.push_back(valley.first_distance);
    last.push_back(valley.last_distance);
    parts.push_back(valley.last_distance / valley.first_distance);
    if (parts.back() <= kNear) ++near;
    if (parts.back() < 1) ++nearer;
    if (valley.test_on_edge) ++on_edge;
  }
  claim.estimate = test_mean(finite_values(parts));  // without forks that lie on the minimum
  claim.unit = "of the distance at the first fork";
  claim.measured = fmt::format(
      "on the plane, {} from the test minimum at the first fork, {} at its end, {} times as far",
      with_interval(test_mean(first), 2), with_interval(test_mean(last), 2), with_interval(claim.estimate, 2));
  claim.verdict = by_count(nearer, valleys.size());
  if (claim.verdict == Verdict::kSupported && near < valleys.size()) claim.verdict = Verdict::kWeaker;
  if (on_edge > 0) {
    claim.measured +=
        fmt::format("; in {} the smallest test loss is on the map's border: a smaller one may lie outside",
                    of_seeds(on_edge, valleys.size()));
    claim.verdict = Verdict::kUndecided;
  }
  return claim;
}

}  // namespace

std::vector<Claim> valley_claims(const Results& results) {
  Claim along{"valley", "At a large rate, training travels along the valley of train minima", "", Verdict::kNotTested};
  Claim near{"near-minimum", "There it comes close to the test minimum", "", Verdict::kNotTested};
  std::vector<Valley> valleys;
  for (const ReportData& seed : results.seeds) {
    if (const std::optional<Valley> valley = measure_valley(seed)) valleys.push_back(*valley);
  }
  if (valleys.empty()) {
    along.measured = near.measured = "no map of train and test loss with three branches on it, all points evaluated";
    return {along, near};
  }
  std::vector<Claim> claims{along_claim(valleys, along), near_claim(valleys, near)};
  if (const std::size_t unseen = results.seeds.size() - valleys.size(); unseen > 0) {
    for (Claim& claim : claims) {
      claim.measured += fmt::format(
          "; not measured in {}: no finished map of both losses with at least three branches, all of their forks and "
          "ends on it",
          of_seeds(unseen, results.seeds.size()));
      if (claim.verdict == Verdict::kSupported || claim.verdict == Verdict::kWeaker)
        claim.verdict = Verdict::kUndecided;
    }
  }
  return claims;
}

}  // namespace thalweg

// The claims of Ren, Ma and Ying, "Understanding the Generalization Benefits of Late Learning Rate Decay" (AISTATS
// 2024), each with what an experiment measured and a verdict, whatever the outcome.
//
// Decay times are compared only at equal total epochs, seed by seed, with paired two-sided t tests (base/statistics.h)
// at the 95 % level. The baseline is the branch that decays first. The criteria for support are fixed here, before any
// number is seen:
//   valley          alignment >= 0.7 and barrier <= 0.2 (report/valley.h), of every seed
//   near-minimum    the main path ends within half of the distance to the test minimum that it had at the first fork
//   later-accuracy  the slope of the final test accuracy over the decay time is above 0
//   later-loss      the slope of the final test loss is below 0
//   later-gap       the slope of the final test loss minus the final train loss is below 0, if branches end together
//   faster          a branch reaches the baseline's final accuracy in half of the epochs that the baseline needs: the
//                   whole interval lies at 2 times or above
//   gain            the best branch's test error is 15 % below the baseline's, by the whole interval
// If runs keep averages of their weights (train.average), there is a further claim, which is not the paper's:
//   averaging       the best branch's test accuracy is above that of the main path's average, which needs no decay
// Across experiments, `later-accuracy` is judged group by group. A group is a data set or a depth, so that one more
// network on a data set does not undo another:
//   depth, data     there are at least two groups; in each, the slope of some experiment is above 0 (Holm's correction
//                   over the group), and that of none is significantly below 0
// A claim whose direction holds is kWeaker if the interval lies below the required number, and kSizeUndecided if the
// interval contains that number.
#pragma once

#include <string>
#include <vector>

#include "base/statistics.h"
#include "report/results.h"

namespace thalweg {

enum class Verdict { kSupported, kWeaker, kSizeUndecided, kContradicted, kUndecided, kNotTested };
const char* to_string(Verdict verdict);  // "supported", "weaker than claimed", ...

struct Claim {
  std::string id;
  std::string text;
  std::string measured;  // a sentence without its full stop
  Verdict verdict = Verdict::kNotTested;
  MeanTest estimate = test_mean({});  // of the number that decides, over seeds; claims across have none
  std::string unit = {};              // of the estimate
};

std::vector<Claim> claims_of(const Results& results);
// Whether later decay helps in shallow and deep networks, and on more than one data set; kNotTested for one experiment.
std::vector<Claim> claims_across(const std::vector<Results>& experiments);

}  // namespace thalweg

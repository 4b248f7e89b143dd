// Keeps the convolution plans of a run (kernels/conv_plan.h) in its folder, as conv_plans.json (nn/conv_manifest.h), so
// that a resumed run and its branches use the same plans and reproduce the same bits.
//
// A run that has already begun uses the plans of its file. It is refused on another GPU model or cuDNN version, where
// it would not end with the same bits. Without the file it chooses plans anew; deleting the file is how a user
// overrides the refusal. A new branch uses the plans of its main path, or chooses its own if those do not fit, since it
// has no results yet. Choosing means looking in the machine's store (nn/conv_store.h), or else timing candidates and
// storing the choice there: a run from scratch uses the plans of the one before.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "kernels/conv_plan.h"
#include "nn/conv_store.h"
#include "train/run_spec.h"

namespace thalweg {

// Makes `plans` (may be nullptr) look for choices in the machine's store first and keep new ones there. Returns null if
// there are no plans or there is no store.
std::shared_ptr<ConvStore> share_plans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& cache);

class RunConvPlans {
 public:
  // `plans`: the run's, with nothing chosen yet; if nullptr, this class does nothing. `begun`: whether the run has
  // already taken a step of its own. `cache`: the folder of the machine's store; empty: none. Throws Error naming the
  // file if its plans do not fit.
  RunConvPlans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& run, bool begun,
               const std::filesystem::path& cache);

  // Where the plans come from, for people; empty if there is nothing to report.
  const std::string& note() const { return note_; }
  // Returns once why choices are not shared through the machine's store, for people; otherwise empty.
  std::string take_trouble();
  // Writes the file if plans were chosen since the last call; returns whether it did. Must be called after each step,
  // before writing anything that depends on the step.
  bool save();

 private:
  void adopt_own(bool begun);
  void adopt_main_paths(const std::filesystem::path& file);

  ConvPlans* plans_;
  std::shared_ptr<ConvStore> store_;  // may be null
  std::filesystem::path file_;
  std::string note_;
  std::size_t num_saved_ = 0;  // choices in the file
  bool trouble_told_ = false;
};

}  // namespace thalweg

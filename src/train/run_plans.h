// The convolution plans of a run (kernels/conv_plan.h) in its folder, as conv_plans.json (nn/conv_manifest.h): so that
// a resumed run, and a branch of it, are computed by the same plans, to the same bits.
//
// A run that has begun takes those of its file, and on another GPU model or version of cuDNN it is refused: it would
// not end in the bits that it would have ended in. Without the file it chooses, which is how a person overrides that. A
// branch that begins takes its main path's; where they do not fit it chooses its own, since none of its bits are there
// yet. To choose is to look in the machine's store (nn/conv_store.h), or else to time, and keep the choice there: a run
// from scratch takes the plans of the one before.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "kernels/conv_plan.h"
#include "nn/conv_store.h"
#include "train/run_spec.h"

namespace thalweg {

// Has `plans` (or nullptr) look for choices in the machine's store first, and keep new ones there; null where there is
// neither.
std::shared_ptr<ConvStore> share_plans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& cache);

class RunPlans {
 public:
  // `plans`: the run's, with nothing chosen yet; nullptr where it has none, and then all of this does nothing. `begun`:
  // whether the run has a step of its own behind it. `cache`: where the machine's store is; empty: nowhere. Throws
  // Error naming the file if its plans do not fit.
  RunPlans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& run, bool begun,
           const std::filesystem::path& cache);

  // Where the plans come from, for people; empty where there is nothing to say.
  const std::string& note() const { return note_; }
  // Why choices are not shared by the machine's store, for people: once. Else empty.
  std::string take_trouble();
  // Writes the file if plans were chosen since. To be called after a step, before anything that vouches for the step is
  // written. Returns whether it did.
  bool save();

 private:
  void adopt_own(bool begun);
  void adopt_main_paths(const std::filesystem::path& file);

  ConvPlans* plans_;
  std::shared_ptr<ConvStore> store_;  // or null
  std::filesystem::path file_;
  std::string note_;
  std::size_t num_saved_ = 0;  // choices that the file holds
  bool trouble_told_ = false;
};

}  // namespace thalweg

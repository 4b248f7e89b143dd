// The choices that an engine made by timing, kept beside a map as SURFACE.plans.json (nn/conv_manifest.h): the plans of
// the convolutions, and how many images and points are evaluated at once. If the same map is made again or resumed, it
// is computed with the same plans. A file from another GPU model or cuDNN version is not used: all choices are made
// anew, and the note says so.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "kernels/conv_plan.h"
#include "landscape/batching.h"

namespace thalweg {

class MapConvPlans {
 public:
  // `conv` must not contain any choices yet. `file` is read and later written; empty: the plans are not kept. Throws
  // Error if the file is damaged.
  MapConvPlans(ConvPlans conv, const std::filesystem::path& file);

  ConvPlans& conv() { return conv_; }
  // The batching from the file, or the one set; nullopt if there is neither.
  const std::optional<Batching>& batching() const { return batching_; }
  void set_batching(const Batching& batching);
  // Writes the file if anything was chosen since it was last written.
  void save();
  // A human-readable note on the origin of the plans; empty if there was no file.
  const std::string& note() const { return note_; }

 private:
  void read();

  ConvPlans conv_;
  std::filesystem::path file_;
  std::optional<Batching> batching_;
  std::string note_;
  std::size_t num_saved_ = 0;  // number of plans in the file
  bool saved_ = true;          // whether the file has the present batching
};

}  // namespace thalweg

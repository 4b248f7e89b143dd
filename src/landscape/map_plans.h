// What an engine chose by timing, kept beside a map as SURFACE.plans.json (nn/conv_manifest.h): the convolutions'
// plans, and how many images and points go at once. The same map made again, or gone on with, is then computed by the
// same plans. A file of another GPU model or version of cuDNN is not used: all is chosen anew, and the note says so.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "kernels/conv_plan.h"
#include "landscape/batching.h"

namespace thalweg {

class MapPlans {
 public:
  // `conv`: nothing chosen yet. `file`: where to read and keep them; empty: nowhere. Throws Error for a file that is
  // damaged.
  MapPlans(ConvPlans conv, const std::filesystem::path& file);

  ConvPlans& conv() { return conv_; }
  // As the file says, or as set.
  const std::optional<Batching>& batching() const { return batching_; }
  void set_batching(const Batching& batching);
  // Writes the file if anything was chosen since.
  void save();
  // Where the plans come from, for people; empty: chosen here.
  const std::string& note() const { return note_; }

 private:
  void read();

  ConvPlans conv_;
  std::filesystem::path file_;
  std::optional<Batching> batching_;
  std::string note_;
  std::size_t num_saved_ = 0;  // plans that the file holds
  bool saved_ = true;          // so is the batching
};

}  // namespace thalweg

// The convolution plans that were chosen for a GPU model on this machine, in one file for all runs
// (nn/conv_manifest.h): so that a run from scratch, and seeds side by side, are computed by the same plans as the runs
// before them, and time nothing again. What is there stays: removing the file chooses anew.
//
// It is a convenience: a file that is damaged, or cannot be read, written or locked, costs the sharing, not the run.
// One that cannot be written is read all the same.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "kernels/conv_plan.h"

namespace thalweg {

class ConvStore : public SharedConvChoices {
 public:
  // FOLDER/<GPU>-cudnn<version>-driver<version>.json, or -any-order.json: plans whose sums have no fixed order are no
  // choice for those who want one. `here`: the GPU and the versions; its choices do not count. The folder need not
  // exist.
  ConvStore(const std::filesystem::path& folder, const ConvManifest& here, bool deterministic);

  const std::filesystem::path& file() const { return file_; }
  // Why choices are not shared, or not any more; empty while they are.
  const std::string& trouble() const { return trouble_; }

  std::optional<ConvChoice> find(const ConvShape& shape, ConvPass pass) override;
  // Waits for others that write it, in this process or another, for seconds at most.
  ConvChoice keep(const ConvShape& shape, ConvPass pass, const ConvChoice& choice) override;

 private:
  ConvManifest read() const;

  std::filesystem::path file_;
  ConvManifest here_;
  std::string trouble_;
  bool readable_ = true, writable_ = true;  // as far as is known
};

}  // namespace thalweg

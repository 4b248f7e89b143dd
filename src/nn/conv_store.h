// The convolution plans chosen for a GPU model on this machine, in one file shared by all runs (nn/conv_manifest.h), so
// that a new run, and seeds trained side by side, use the same plans as earlier runs and time nothing again. Choices in
// the file are never replaced; remove the file to choose anew.
//
// The store is a convenience: if the file is damaged or cannot be read, written or locked, choices are not shared, but
// the run goes on. A file that cannot be written is still read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "kernels/conv_plan.h"

namespace thalweg {

class ConvStore : public SharedConvChoices {
 public:
  // The file is FOLDER/<GPU>-cudnn<version>-driver<version>.json, or ...-any-order.json if not `deterministic`: plans
  // that sum in no fixed order must not be offered to runs that want one. `here` holds the GPU and the versions; its
  // choices are ignored. The folder need not exist.
  ConvStore(const std::filesystem::path& folder, const ConvManifest& here, bool deterministic);

  const std::filesystem::path& file() const { return file_; }
  // Why choices are not, or no longer, shared; empty while they are.
  const std::string& trouble() const { return trouble_; }

  std::optional<ConvChoice> find(const ConvShape& shape, ConvPass pass) override;
  // Waits for other writers of the file, in this process or another, for at most ten seconds.
  ConvChoice keep(const ConvShape& shape, ConvPass pass, const ConvChoice& choice) override;

 private:
  ConvManifest read() const;

  std::filesystem::path file_;
  ConvManifest here_;
  std::string trouble_;
  bool readable_ = true, writable_ = true;  // as far as known
};

}  // namespace thalweg

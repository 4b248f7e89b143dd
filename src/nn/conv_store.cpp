#include "nn/conv_store.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "io/folder_lock.h"
#include "nn/conv_manifest.h"

namespace thalweg {
namespace {

std::string file_name(const ConvManifest& here, bool deterministic) {
  std::string gpu = here.gpu;
  std::replace_if(
      gpu.begin(), gpu.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  return fmt::format("{}-cudnn{}-driver{}{}.json", gpu, here.cudnn, here.driver, deterministic ? "" : "-any-order");
}

}  // namespace

ConvStore::ConvStore(const std::filesystem::path& folder, const ConvManifest& here, bool deterministic)
    : file_(folder / file_name(here, deterministic)), here_(here) {
  here_.choices.clear();
}

ConvManifest ConvStore::read() const {
  if (!std::filesystem::exists(file_)) return here_;
  ConvManifest manifest = read_conv_manifest(file_);
  check(manifest.gpu == here_.gpu && manifest.cudnn == here_.cudnn,
        "{}: its plans were chosen on \"{}\" with cuDNN {}, but this is \"{}\" with cuDNN {}; remove the file to "
        "choose new plans",
        file_.string(), manifest.gpu, manifest.cudnn, here_.gpu, here_.cudnn);
  return manifest;
}

std::optional<ConvChoice> ConvStore::find(const ConvShape& shape, ConvPass pass) {
  if (!readable_) return std::nullopt;
  try {
    const ConvManifest manifest = read();
    const auto found = manifest.choices.find({shape, pass});
    return found == manifest.choices.end() ? std::nullopt : std::optional(found->second);
  } catch (const std::exception& error) {
    readable_ = writable_ = false;
    trouble_ = error.what();
    return std::nullopt;
  }
}

ConvChoice ConvStore::keep(const ConvShape& shape, ConvPass pass, const ConvChoice& choice) {
  if (!writable_) return choice;
  try {
    const FolderLock lock(file_.parent_path(), FolderLock::IfHeld::kWait);
    ConvManifest manifest = read();
    const auto [place, is_new] = manifest.choices.try_emplace({shape, pass}, choice);
    if (is_new) write_conv_manifest(file_, manifest);
    return place->second;
  } catch (const std::exception& error) {
    writable_ = false;
    trouble_ = error.what();
    return choice;
  }
}

}  // namespace thalweg

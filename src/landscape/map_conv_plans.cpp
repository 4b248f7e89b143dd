#include "landscape/map_conv_plans.h"

#include "base/error.h"
#include "nn/conv_manifest.h"

namespace thalweg {
MapConvPlans::MapConvPlans(ConvPlans conv, const std::filesystem::path& file) : conv_(std::move(conv)), file_(file) {
  read();
}

void MapConvPlans::read() {
  if (file_.empty() || !std::filesystem::exists(file_)) return;
  const ConvManifest manifest = read_conv_manifest(file_);
  if (!conv_.fits(manifest)) {
    note_ = fmt::format("the plans of {} were chosen on {} with cuDNN {}, so new plans were chosen", file_.string(),
                        manifest.gpu, manifest.cudnn);
    return;
  }
  conv_.adopt(manifest);
  num_saved_ = conv_.num_chosen();
  note_ = fmt::format("{} plans from {}", num_saved_, file_.string());
  const auto chunk = manifest.settings.find("chunk"), lanes = manifest.settings.find("lanes");
  if (chunk == manifest.settings.end() || lanes == manifest.settings.end()) return;
  check(chunk->second > 0 && lanes->second > 0 && lanes->second <= 16,
        "{}: {} images and {} points at once are invalid settings; remove the file to choose new ones", file_.string(),
        chunk->second, lanes->second);
  batching_ = Batching{chunk->second, static_cast<int>(lanes->second)};
}

void MapConvPlans::set_batching(const Batching& batching) {
  if (batching_ == batching) return;
  batching_ = batching;
  saved_ = false;
}

void MapConvPlans::save() {
  if (file_.empty() || (saved_ && conv_.num_chosen() == num_saved_)) return;
  ConvManifest manifest = conv_.manifest();
  if (batching_) manifest.settings = {{"chunk", batching_->chunk}, {"lanes", batching_->lanes}};
  write_conv_manifest(file_, manifest);
  num_saved_ = conv_.num_chosen();
  saved_ = true;
}

}  // namespace thalweg

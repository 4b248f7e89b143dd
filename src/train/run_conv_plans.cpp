#include "train/run_conv_plans.h"

#include "base/error.h"
#include "nn/conv_manifest.h"
#include "train/checkpoint.h"

namespace thalweg {
namespace {

constexpr const char* kName = "conv_plans.json";

std::string where_chosen(const ConvManifest& manifest) {
  return fmt::format("chosen on {} with cuDNN {}", manifest.gpu, manifest.cudnn);
}

}  // namespace

std::shared_ptr<ConvStore> share_plans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& cache) {
  if (!plans || cache.empty()) return nullptr;
  auto store = std::make_shared<ConvStore>(cache / "conv-plans", plans->manifest(), spec.train.deterministic);
  plans->share(store);
  return store;
}

RunConvPlans::RunConvPlans(ConvPlans* plans, const RunSpec& spec, const std::filesystem::path& run, bool begun,
                           const std::filesystem::path& cache)
    : plans_(plans), file_(run / kName) {
  if (!plans_) return;
  store_ = share_plans(plans_, spec, cache);
  const std::filesystem::path main_paths = run_of_checkpoint(spec.fork) / kName;
  if (std::filesystem::exists(file_)) {
    adopt_own(begun);
  } else if (begun) {
    note_ = fmt::format(
        "{} is missing: convolution plans are chosen again, so from here on the bits may differ from those of an "
        "uninterrupted run",
        file_.string());
  } else if (!spec.fork.empty() && std::filesystem::exists(main_paths)) {
    adopt_main_paths(main_paths);
  }
}

void RunConvPlans::adopt_own(bool begun) {
  const ConvManifest manifest = read_conv_manifest(file_);
  if (!begun && !plans_->fits(manifest)) {
    note_ = fmt::format("the plans in {} were {}: they are chosen again, since the run has not computed anything yet",
                        file_.string(), where_chosen(manifest));
    return;
  }
  try {
    plans_->adopt(manifest);
  } catch (const Error& error) {
    fail("{}: {}", file_.string(), error.what());
  }
  num_saved_ = plans_->num_chosen();
  note_ = fmt::format("{} convolution plans taken from {}", num_saved_, file_.string());
}

void RunConvPlans::adopt_main_paths(const std::filesystem::path& file) {
  const ConvManifest manifest = read_conv_manifest(file);
  if (plans_->fits(manifest)) {
    plans_->adopt(manifest);
    note_ = fmt::format("{} convolution plans taken from the main path, {}", plans_->num_chosen(), file.string());
  } else {
    note_ = fmt::format("the plans in {} were {}: the branch chooses its own convolution plans", file.string(),
                        where_chosen(manifest));
  }
}

std::string RunConvPlans::take_trouble() {
  if (trouble_told_ || !store_ || store_->trouble().empty()) return "";
  trouble_told_ = true;
  return fmt::format("convolution plans are not shared with other runs: {}", store_->trouble());
}

bool RunConvPlans::save() {
  if (!plans_ || plans_->num_chosen() == num_saved_) return false;
  write_conv_manifest(file_, plans_->manifest());
  num_saved_ = plans_->num_chosen();
  return true;
}

}  // namespace thalweg

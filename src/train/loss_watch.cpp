#include "train/loss_watch.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

namespace thalweg {

LossWatch::LossWatch(const RunSpec& spec, const Graph& graph, const RunPlan& plan, const CheckpointFolder& checkpoints,
                     std::int64_t checkpoint)
    : spec_(spec),
      plan_(plan),
      checkpoints_(checkpoints),
      guessing_(std::log(static_cast<double>(graph.num_classes()))),
      checkpoint_(checkpoint) {}

std::optional<JudgedStep> LossWatch::pop(std::size_t may_wait) {
  const std::optional<WatchedStep> done = losses_.pop(may_wait);
  if (!done) return std::nullopt;
  last_ = done->loss;
  return JudgedStep{*done, judge(done->loss, done->step - 1)};
}

std::string LossWatch::judge(double loss, std::int64_t step) {
  const double factor = spec_.train.divergence_factor;
  const bool exploded = factor > 0 && loss > factor * guessing_;
  if (!std::isfinite(loss) || exploded) return divergence(loss, step);
  if (!is_vouched_for_ && step >= checkpoint_) {
    checkpoints_.prune();
    is_vouched_for_ = true;
  }
  return "";
}

std::string LossWatch::divergence(double loss, std::int64_t step) const {
  const std::filesystem::path own = checkpoints_.last_before(step);
  const std::filesystem::path good = own.empty() && spec_.first_step < step ? spec_.fork : own;
  const std::string text = std::isnan(loss) ? "nan" : fmt::format("{:g}", loss);
  return fmt::format(
      "the training loss is {} after step {} (epoch {:.2f}, learning rate {:g}): training diverged. {}. {}{}", text,
      step, plan_.epoch_at(step), plan_.lr_at(std::max(step - 1, plan_.first_step())),
      good.empty() ? "There is no good checkpoint" : "The last good checkpoint is " + good.string(),
      "Lower the learning rate or add a warm-up, in another run with another --out",
      std::isfinite(loss) ? "; or allow such losses with train.divergence_factor" : "");
}

void LossWatch::add_checkpoint(std::int64_t step) {
  checkpoint_ = step;
  is_vouched_for_ = false;
}

}  // namespace thalweg

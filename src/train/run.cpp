#include "train/run.h"

#include <cmath>

#include <ATen/ATen.h>

#include "base/clock.h"
#include "base/console.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stop.h"
#include "io/cache_folder.h"
#include "io/folder_lock.h"
#include "train/average_run.h"
#include "train/banner.h"
#include "train/checkpoint_folder.h"
#include "train/early_stop.h"
#include "train/loss_watch.h"
#include "train/out_of_memory.h"
#include "train/plan.h"
#include "train/profiler.h"
#include "train/recorder.h"
#include "train/run_conv_plans.h"
#include "train/run_folder.h"
#include "train/splits.h"
#include "train/step.h"
#include "trajectory/folders.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

// The failure as status.json names it; nullptr for an error unrelated to the run, such as a full disk.
const char* failure_of(const std::exception& error) {
  if (dynamic_cast<const Diverged*>(&error) != nullptr) return "diverged";
  if (dynamic_cast<const StepOutOfMemory*>(&error) != nullptr || is_out_of_memory(error)) return "out of memory";
  return nullptr;
}

// The training loop. At every step boundary the order is metrics, snapshot, checkpoint, stop, so a checkpoint always
// covers the metrics and the snapshot of its own step.
class RunLoop {
 public:
  RunLoop(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder, const Checkpoint& start)
      : spec_(spec),
        context_(context),
        folder_(folder),
        plan_(spec, context.data.train.size()),
        splits_(context.graph, context.data, context.device),
        training_(context.graph, splits_.train(), spec.train, spec.seed, start.state),
        plans_(training_.conv_plans(), spec, folder, start.state.step > spec.first_step, cache_folder()),
        trajectory_(RunFolder{folder}.trajectory(), context.graph.parameters.size(), context.graph.buffers.size(),
                    start.num_snapshots),
        average_(average_run(start)),
        recorder_(folder, start.metrics_bytes, training_.step()),
        checkpoints_(folder, spec.train.keep_last, [this](std::int64_t step) { return plan_.is_fork(step); }),
        losses_(spec, context.graph, plan_, checkpoints_, training_.step()),
        profiler_(context.profile_steps, folder / "profile.json", context.device),
        // A checkpoint is written after its step's snapshot, so that snapshot exists already.
        last_snapshot_(start.num_snapshots > 0 ? training_.step() : -1) {
    check(
        start.state.step <= plan_.end_step(),
        "{} holds a checkpoint of step {}, but this run ends at step {}: choose another --out, or remove the folder to "
        "train again",
        folder.string(), start.state.step, plan_.end_step());
    trajectory_.truncate(start.num_snapshots);
    judge_metrics();
  }

  nlohmann::json run() {
    const std::string banner = run_banner(spec_, context_, plan_, folder_, training_.step());
    if (context_.progress != ProgressMode::kQuiet) say(banner);
    recorder_.note(banner);
    if (!plans_.note().empty()) tell(plans_.note());
    for (const std::string& note : run_notes(spec_, context_, plan_, folder_, training_.step())) tell(note);
    if (const std::string lost = average_ ? average_->note() : ""; !lost.empty()) {
      say(lost);
      recorder_.note(lost);
    }
    try {
      run_steps();
      return finish_or_stop();
    } catch (const std::exception& error) {
      if (const char* failure = failure_of(error)) write_status(RunState::kFailed, {{"failure", failure}});
      recorder_.note(first_line(error.what()));
      throw;
    }
  }

 private:
  // On a GPU, losses are judged this often, while up to one of them may still be pending. A run that diverged is
  // noticed within twice this number of steps.
  static constexpr std::int64_t kLookEvery = 50;

  void tell(const std::string& happening) {
    if (context_.progress != ProgressMode::kQuiet) say(fmt::format("{}: {}", title(), happening));
    recorder_.note(happening);
  }

  const std::string& title() const { return context_.title.empty() ? spec_.name : context_.title; }
  double epoch() const { return plan_.epoch_at(training_.step()); }
  bool ended() const { return training_.step() == plan_.end_step() || stopped_early_; }
  bool is_best() const { return best_ && best_->step == training_.step(); }

  std::unique_ptr<AverageRun> average_run(const Checkpoint& start) const {
    if (spec_.train.average.kind == AverageKind::kNone) return nullptr;
    return std::make_unique<AverageRun>(spec_, context_, folder_, splits_.train(), start);
  }

  void run_steps() {
    write_status(RunState::kRunning);
    Progress progress(fmt::format("train {}", title()), "img", plan_.images_at(plan_.end_step()),
                      plan_.images_at(training_.step()), context_.progress);
    save(plan_.agenda(training_.step(), 0), progress);
    if (average_ && average_->is_lost()) save_checkpoint();  // the last one counts the lost snapshots
    while (!ended()) one_step(progress);
    if (profiler_.finish()) note_profile();
    progress.finish();
    if (context_.profile_steps > 0 && !profiler_.began())
      tell(fmt::format("no profile.json was written: the first {} steps are left out, and no further step was taken",
                       StepProfiler::kWarmUp));
    if (stopped_early_) {
      const EarlyStop& rule = spec_.train.early_stop;
      tell(fmt::format("stopped early at epoch {:g}: {} has not improved for at least {:g} epochs, last at epoch {:g}",
                       epoch(), rule.metric, rule.patience,
                       best_epoch(recorder_.lines(), rule.metric, rule.min_delta)->epoch));
    }
    if (average_ && !training_.average().defined())
      tell(fmt::format("no average was taken: it was to begin at epoch {:g}, but the run ended at epoch {:g}",
                       spec_.train.average.start_epoch, epoch()));
  }

  void one_step(Progress& progress) {
    if (profiler_.before_step()) note_profile();
    take_step();
    if (plans_.save()) recorder_.note("convolution plans chosen and saved in conv_plans.json");
    if (const std::string trouble = plans_.take_trouble(); !trouble.empty()) tell(trouble);
    const Agenda agenda = plan_.agenda(training_.step(), seconds_since(checkpoint_time_) / 60);
    const bool judges_checkpoint = training_.step() == losses_.checkpoint() + 1;
    if (agenda.anything() || judges_checkpoint || context_.device.is_cpu() || training_.step() % kLookEvery == 0)
      losses_.push({training_.step(), lr_, agenda.log}, batch_loss_);
    // Everything written for a step, except its "step" line, is written once its loss is known to be sound. (With
    // step_statistics no loss stays pending, since statistics are kept only for the latest step that has any.)
    look_at_losses(agenda.writes_state() || spec_.train.step_statistics ? 0 : 1, progress);
    record(agenda);
    save(agenda, progress);
  }

  void look_at_losses(std::size_t may_wait, Progress& progress) {
    while (const std::optional<JudgedStep> judged = losses_.pop(may_wait)) {
      fail_if_diverged(judged->trouble);
      const WatchedStep& done = judged->step;
      progress.update(plan_.images_at(done.step),
                      fmt::format("epoch {:.2f}/{:g}  loss {:.4f}  lr {:.4g}", plan_.epoch_at(done.step),
                                  plan_.epoch_at(plan_.end_step()), done.loss, done.lr));
      if (done.log) record_step(done);
    }
  }

  void fail_if_diverged(const std::string& trouble) const {
    if (!trouble.empty()) throw Diverged(fmt::format("{}: {}", title(), trouble));
  }

  void take_step() {
    const ProfileRange range("training step");
    lr_ = plan_.lr_at(training_.step());
    // Statistics for a "step" line are computed in the step itself.
    const bool tell = spec_.train.step_statistics && plan_.agenda(training_.step() + 1, 0).log;
    try {
      batch_loss_ = tell ? training_.run(lr_, statistics_) : training_.run(lr_);
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      throw StepOutOfMemory(fmt::format("{}: out of memory in the step after step {}, with a batch of {} ({})", title(),
                                        training_.step(), spec_.train.batch, first_line(error.what())));
    }
  }

  void note_profile() { recorder_.note(fmt::format("profile of {} steps in profile.json", profiler_.steps())); }

  nlohmann::json line(const char* kind, std::int64_t step, double lr) const {
    return {{"kind", kind}, {"step", step}, {"epoch", plan_.epoch_at(step)}, {"lr", lr}};
  }

  void record_step(const WatchedStep& done) {
    nlohmann::json out = line("step", done.step, done.lr);
    out["loss"] = done.loss;
    if (spec_.train.step_statistics) add_statistics(out);
    recorder_.record(out);
  }

  void record(const Agenda& agenda) {
    if (!agenda.epoch_end && !agenda.evaluate) return;
    nlohmann::json out = line("evaluation", training_.step(), lr_);
    if (agenda.evaluate) evaluate_watched(out);
    // A run that stops early within an epoch ends it.
    if (agenda.epoch_end || is_over(spec_.train.early_stop, recorder_.lines(), out)) {
      out["kind"] = "epoch";
      take_epoch_means(out);
      out["seconds"] = seconds_since(start_);
    }
    recorder_.record(out);
    judge_metrics();
  }

  void add_statistics(nlohmann::json& out) const {
    out["gradient_norm"] = statistics_.gradient_norm;
    out["weight_norm"] = statistics_.weight_norm;
    out["update_ratio"] = statistics_.update_ratio;
    out["noise_scale"] = nullptr;
    if (std::isfinite(statistics_.noise_scale)) out["noise_scale"] = statistics_.noise_scale;
  }

  // Decides from the lines so far. A resumed run has the same lines, so it decides the same.
  void judge_metrics() {
    const std::vector<nlohmann::json>& lines = recorder_.lines();
    stopped_early_ = training_.step() < plan_.end_step() && is_over(spec_.train.early_stop, lines);
    best_ = best_epoch(lines, spec_.train.keep_best);
  }

  void take_epoch_means(nlohmann::json& out) {
    const at::Tensor sums = training_.epoch_sums().cpu();
    const double images = sums[2].item<double>();
    out["train_loss"] = sums[0].item<double>() / images;
    out["train_accuracy"] = sums[1].item<double>() / images;
    training_.zero_epoch_sums();
  }

  void evaluate_watched(nlohmann::json& out) {
    const ProfileRange range("evaluation");
    splits_.evaluate_watched(training_.weights(), training_.buffers(), out);
    const at::Tensor average = training_.average();
    if (average.defined()) average_->evaluate(splits_, average, out);
  }

  void save(const Agenda& agenda, Progress& progress) {
    const std::int64_t step = training_.step();
    const bool last = ended();
    if (agenda.snapshot || last) {
      if (step > last_snapshot_) take_snapshot();
      if (average_ && average_->is_lost() && average_->num_snapshots() == 0) take_average_snapshot();
    }
    const bool stop = stop_requested() && !last;
    if (stop && batch_loss_.defined()) {
      losses_.push({step, lr_}, batch_loss_);
      look_at_losses(0, progress);
    }
    const bool wanted = agenda.checkpoint || last || stop || is_best();
    if (wanted && (step > losses_.checkpoint() || !checkpoints_.holds(step))) {
      save_checkpoint();
    } else if (is_best()) {
      checkpoints_.keep_as_best(step);  // the process may have been killed between the checkpoint and its second name
    }
    if (!stop) return;
    write_status(RunState::kInterrupted);
    throw Stopped(fmt::format("{}: stopped at step {} of {}; run the same command again to go on", title(), step,
                              plan_.end_step()));
  }

  SnapshotInfo snapshot_info() const {
    const std::string planned = plan_.snapshot_reason(training_.step());
    return {training_.step(), epoch(), plan_.lr_at(training_.step()), losses_.last(),
            planned.empty() ? "last" : planned};
  }

  void take_snapshot() {
    const ProfileRange range("snapshot");
    trajectory_.append(snapshot_info(), training_.weights(), training_.buffers());
    take_average_snapshot();
    last_snapshot_ = training_.step();
  }

  void take_average_snapshot() {
    const at::Tensor average = training_.average();
    if (average.defined()) average_->take_snapshot(snapshot_info(), average);
  }

  void save_checkpoint() {
    const ProfileRange range("checkpoint");
    Checkpoint checkpoint{training_.state(), trajectory_.count(), recorder_.sync()};
    if (average_) checkpoint.num_average_snapshots = average_->num_snapshots();
    checkpoints_.save(checkpoint);
    losses_.add_checkpoint(training_.step());
    checkpoint_time_ = Clock::now();
    if (is_best()) checkpoints_.keep_as_best(training_.step());
    recorder_.note(fmt::format("checkpoint at step {}", training_.step()));
    write_status(RunState::kRunning);
  }

  // The last checkpoint covers all steps, so a stop loses nothing.
  nlohmann::json finish_or_stop() {
    splits_.stop_after_signals();
    try {
      return finish();
    } catch (const Stopped&) {
      write_status(RunState::kInterrupted);
      throw Stopped(fmt::format(
          "{}: stopped while its final weights were evaluated; run the same command again to go on", title()));
    }
  }

  nlohmann::json finish() {
    nlohmann::json final_metrics;
    const at::Tensor weights = training_.weights();
    splits_.evaluate_train(weights, training_.buffers(), final_metrics);
    fail_if_diverged(losses_.judge(final_metrics.at("train_loss").get<double>(), training_.step()));
    splits_.evaluate_watched(weights, training_.buffers(), final_metrics);
    write_final_weights(
        folder_, spec_, context_.graph,
        {spec_.name, training_.step(), epoch(), {weights.cpu(), training_.buffers().cpu()}, final_metrics});
    if (average_) average_->finish(splits_, snapshot_info(), training_.average());
    write_status(RunState::kDone, {{"final", final_metrics}});
    recorder_.note(fmt::format("done: {}", final_metrics.dump()));
    return final_metrics;
  }

  static nlohmann::json as_json(const std::string& metric, const MetricEpoch& best) {
    return {{"metric", metric}, {"value", best.value}, {"step", best.step}, {"epoch", best.epoch}};
  }

  void write_status(RunState state, const nlohmann::json& more = nlohmann::json::object()) const {
    nlohmann::json status = {{"state", to_string(state)},
                             {"name", spec_.name},
                             {"step", training_.step()},
                             {"end_step", plan_.end_step()},
                             {"steps_per_epoch", plan_.steps_per_epoch()},
                             {"snapshots", trajectory_.count()},
                             {"provenance", spec_.provenance}};
    if (!spec_.fork.empty()) status["fork_epoch"] = plan_.epoch_at(spec_.first_step);
    if (stopped_early_) {
      const EarlyStop& rule = spec_.train.early_stop;
      status["stopped_early"] = as_json(rule.metric, *best_epoch(recorder_.lines(), rule.metric, rule.min_delta));
    }
    if (best_) status["best"] = as_json(spec_.train.keep_best, *best_);
    status.update(more);
    write_run_status(folder_, status);
    if (average_ && state != RunState::kDone) average_->tell_state(state, training_.step());
  }

  const RunSpec& spec_;
  const RunContext& context_;
  std::filesystem::path folder_;
  RunPlan plan_;
  Splits splits_;
  TrainStep training_;
  RunConvPlans plans_;
  TrajectoryWriter trajectory_;
  std::unique_ptr<AverageRun> average_;  // if averages are requested
  Recorder recorder_;
  CheckpointFolder checkpoints_;
  LossWatch losses_;
  StepProfiler profiler_;
  std::int64_t last_snapshot_;
  bool stopped_early_ = false;
  StepStatistics statistics_;        // of the last step with a statistics line
  std::optional<MetricEpoch> best_;  // by keep_best
  double lr_ = 0;                    // of the last update
  at::Tensor batch_loss_;            // of the last update, on the device
  Clock::time_point start_ = Clock::now();
  Clock::time_point checkpoint_time_ = start_;
};

}  // namespace

nlohmann::json train_run(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder) {
  check_metric("keep_best", spec.train.keep_best, spec.train.evaluate_every, context.data);
  check_metric("early_stop.metric", spec.train.early_stop.metric, spec.train.evaluate_every, context.data);
  static_cast<void>(RunPlan(spec, context.data.train.size()));  // what does not fit is said before the folder is taken
  const FolderLock lock(folder);
  claim_run_folder(folder, run_identity(spec, context.graph));
  const nlohmann::json status = read_run_status(folder);
  const bool done = is_done(status);
  const bool averages = spec.train.average.kind != AverageKind::kNone;
  // Lost weights are recomputed from the last checkpoint; without a checkpoint that would mean training again.
  if (done && (has_final_weights(folder, averages) || checkpoint_steps(folder).empty())) {
    if (context.profile_steps > 0)
      say(fmt::format("no profile was written: the run in {} is already done, so no step was taken", folder.string()));
    return status.at("final");
  }
  try {
    return RunLoop(spec, context, folder, starting_point(spec, context.graph, folder)).run();
  } catch (const StepOutOfMemory& error) {
    fail("{}. {}. This is another run, which needs another --out{}", error.what(),
         smaller_step_advice(context.graph, spec.train, free_memory(context.device)),
         context.device.is_cpu() ? ""
                                 : "; if several runs share the GPU, they may fit one at a time, with the same --out: "
                                   "--set parallel_runs=1");
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    fail(
        "{}: out of memory ({}): the images, the network and its evaluation do not fit, whatever the batch. Use fewer "
        "images (data.train_images) or a smaller network, or end other programs on {}; what was computed so far is "
        "kept",
        folder.string(), first_line(error.what()), context.device.str());
  }
}

}  // namespace thalweg

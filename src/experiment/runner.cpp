#include "experiment/runner.h"

#include <algorithm>
#include <list>
#include <utility>

#include <fmt/ranges.h>

#include "base/console.h"
#include "base/digest.h"
#include "base/stop.h"
#include "experiment/lines.h"
#include "experiment/mapped_surface.h"
#include "experiment/measures.h"
#include "experiment/planes.h"
#include "experiment/seeds.h"
#include "io/atomic_file.h"
#include "io/folder_lock.h"
#include "io/posix_file.h"
#include "io/strict_json.h"
#include "landscape/kept_images.h"
#include "report/report.h"
#include "report/study.h"
#include "train/plan.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "trajectory/folders.h"
#include "trajectory/pca.h"
#include "trajectory/store.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

void add_sources(PlaneRequest& request, const SeedExperiment& experiment) {
  request.sources.push_back(experiment.folder.main_run().path.string());
  if (request.kind != PlaneKind::kPca) return;
  for (const BranchConfig& branch : experiment.session.config.branches) {
    request.sources.push_back(experiment.folder.branch_run(branch.name).path.string());
  }
}

PlaneRequest plane_request(const SeedExperiment& experiment) {
  const ExperimentConfig& config = experiment.session.config;
  PlaneRequest request;
  request.kind = config.plane.kind;
  request.origin = config.plane.origin;
  request.seed = config.seed;
  request.windows = config.plane.windows;
  add_sources(request, experiment);
  return request;
}

// Identifies what a plane was made from; a plane with the same identity is up to date.
nlohmann::json identity_of(const PlaneRequest& request) {
  nlohmann::json runs = nlohmann::json::array();
  for (const std::string& source : request.sources) {
    // The index contains the checksum of every snapshot, so a run that was trained again gives a new plane.
    const RunFolder run{source};
    runs.push_back(
        {{"name", run.path.filename().string()}, {"snapshots", sha256_of_file(trajectory_index(run.trajectory()))}});
    const fs::path average = trajectory_index(run.average().trajectory());
    if (fs::exists(average)) runs.back()["average"] = sha256_of_file(average);
  }
  return {{"kind", name_of(request.kind, plane_kinds())},
          {"origin", name_of(request.origin, plane_origins())},
          {"seed", request.seed},
          {"runs", runs}};
}

bool is_plane_of(const fs::path& file, const nlohmann::json& request) {
  if (!fs::exists(file)) return false;
  const Plane plane = with_advice(remove_advice(file), [&] { return read_plane(file); });
  return plane.provenance.value("request", nlohmann::json()) == request;
}

void write_requested_plane(const fs::path& file, Plane plane, const nlohmann::json& request) {
  plane.provenance["request"] = request;
  write_plane(file, plane);
}

void update_plane(const fs::path& file, const PlaneRequest& request, const nlohmann::json& identity) {
  if (!is_plane_of(file, identity)) write_requested_plane(file, make_plane(request), identity);
}

std::size_t count_snapshots(const Session& session, const RunSpec& spec) {
  const RunPlan plan(spec, session.data.train.size());
  std::size_t snapshots = 0;
  for (std::int64_t step = plan.first_step(); step <= plan.end_step(); ++step)
    snapshots += !plan.snapshot_reason(step).empty();
  return snapshots;
}

// Throws before anything is trained if the schedules and snapshot rules give too few snapshots for the plane and its
// windows.
void check_plans(const Session& session) {
  const PlaneConfig& plane = session.config.plane;
  const std::size_t main = count_snapshots(session, session.main_spec());
  std::size_t all = main;
  for (const BranchConfig& branch : session.config.branches)
    all += count_snapshots(session, session.unforked_spec(branch));
  // Averages have snapshots of their own, which are not counted here.
  const auto check_config = [](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      fail_usage("train.snapshots and plane: {}", error.what());
    }
  };
  if (plane.kind == PlaneKind::kPca && session.config.train.average.kind == AverageKind::kNone)
    check_config([&] { check_pca_snapshots(all); });
  if (plane.windows > 0) check_config([&] { cut_windows(main, plane.windows); });
}

// Throws before anything is trained if the landscape asks for more images than the splits have.
void check_images(const Session& session) {
  const LandscapeConfig& config = session.config.landscape;
  std::int64_t images = 0;
  const auto add_split = [&](const char* key, std::int64_t asked, std::int64_t there) {
    if (asked > there) fail_usage("landscape.{}: {} images are requested, but the split has {}", key, asked, there);
    images += asked == 0 ? there : asked;
  };
  if (config.train) add_split("train_images", config.train_images, session.data.train.size());
  if (config.test) add_split("test_images", config.test_images, session.data.test.size());
  check_image_losses(config, images);
}

// Does not compare the state at the forks: that is done when the branches start.
void check_runs(const SeedExperiment& experiment) {
  const Session& session = experiment.session;
  const fs::path main = experiment.folder.main_run().path;
  check_run_folder(main, run_identity(session.main_spec(), session.graph));
  for (const BranchConfig& branch : session.config.branches) {
    const fs::path run = experiment.folder.branch_run(branch.name).path;
    if (fs::exists(run)) check_run_folder(run, run_identity(session.unforked_spec(branch), session.graph));
  }
}

void check_holds_experiment(const fs::path& folder) {
  const fs::path config = ExperimentFolder{folder}.config();
  check(!fs::exists(config) || !read_json_file(config, ExitCode::kFailure).contains("theory"),
        "{} holds a study of the theory; choose another --out", folder.string());
  check(!RunFolder{folder}.holds_run(), "{} holds a run; choose another --out", folder.string());
}

// Must be called before a folder's configuration is overwritten. With seeds the runs are in seeds/, without them in the
// folder itself. Seeds may be added to an experiment that began without them, but a folder that began with seeds cannot
// be used without them.
void check_folder(const fs::path& folder, const std::vector<SeedExperiment>& experiments, bool seeds) {
  check_holds_experiment(folder);
  const ExperimentFolder whole{folder};
  check(
      seeds || !fs::exists(whole.seeds()) || fs::exists(whole.main_run().path),
      "{} holds runs of several seeds, but this configuration lists none: add their \"seeds\", or choose another --out",
      folder.string());
  for (const SeedExperiment& experiment : experiments) {
    check_holds_experiment(experiment.folder.path);
    check_runs(experiment);
  }
}

void write_config(const ExperimentConfig& config, const fs::path& folder) {
  write_file_atomically(ExperimentFolder{folder}.config(), to_json(config).dump(2) + "\n");
}

// By seed and branch, the error message if the branch diverged or had no state to fork from; else empty.
using BranchFailures = std::vector<std::vector<std::string>>;

// Removes failed branches from the experiments' configurations and returns their error messages.
std::vector<std::string> take_out_failed(std::vector<SeedExperiment>& experiments, const BranchFailures& failed) {
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    std::vector<BranchConfig> sound;
    for (std::size_t k = 0; k < failed[i].size(); ++k) {
      if (failed[i][k].empty()) {
        sound.push_back(experiments[i].session.config.branches[k]);
      } else {
        messages.push_back(failed[i][k]);
      }
    }
    experiments[i].session.config.branches = std::move(sound);
  }
  return messages;
}

// Trains main paths and branches, concurrently if the session allows it; results are in the folders' status.json.
// Branches that diverge or cannot fork are removed from their experiment's configuration, so the others can be mapped;
// returns their error messages.
std::vector<std::string> train_experiments(std::vector<SeedExperiment>& experiments) {
  const RunLanes lanes = experiments.front().session.lanes;
  std::vector<Job> jobs;
  const auto title = [&](const SeedExperiment& experiment, const std::string& run) {
    return experiments.size() == 1 ? run : fmt::format("seed {} {}", experiment.session.config.seed, run);
  };
  const auto context_of = [&](const SeedExperiment& experiment, const std::string& run) {
    RunContext context = experiment.session.run_context();
    context.title = title(experiment, run);
    // Several runs cannot share one progress line that is redrawn in place.
    if (lanes.count > 1 && context.progress != ProgressMode::kQuiet) context.progress = ProgressMode::kLines;
    return context;
  };
  // All main paths come first: branches of the first seeds start while main paths of the last ones still train.
  for (const SeedExperiment& experiment : experiments) {
    jobs.push_back({[&, context = context_of(experiment, kMainRun)] {
      train_run(experiment.session.main_spec(), context, experiment.folder.main_run().path);
    }});
  }
  BranchFailures failed;
  for (const SeedExperiment& experiment : experiments) failed.emplace_back(experiment.session.config.branches.size());
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    const SeedExperiment& experiment = experiments[i];
    for (std::size_t k = 0; k < failed[i].size(); ++k) {
      const BranchConfig& branch = experiment.session.config.branches[k];
      const auto train = [&, context = context_of(experiment, branch.name), message = &failed[i][k]] {
        try {
          train_run(experiment.session.branch_spec(branch, experiment.folder.main_run().path), context,
                    experiment.folder.branch_run(branch.name).path);
        } catch (const Diverged& error) {
          *message = error.what();
        } catch (const NoFork& error) {
          *message = error.what();
        }
      };
      jobs.push_back({train, i});
    }
  }
  run_side_by_side(jobs, lanes);
  return take_out_failed(experiments, failed);
}

// Returns the files of the plane and of its windows.
std::vector<fs::path> make_planes(const SeedExperiment& experiment) {
  const PlaneRequest request = plane_request(experiment);
  std::vector<fs::path> files{experiment.folder.planes() / (name_of(request.kind, plane_kinds()) + ".safetensors")};
  nlohmann::json identity = identity_of(request);
  update_plane(files[0], request, identity);
  if (request.windows == 0) return files;
  identity["windows"] = request.windows;
  const std::vector<fs::path> windows = window_files(files[0], request.windows);
  if (!std::all_of(windows.begin(), windows.end(), [&](const fs::path& file) { return is_plane_of(file, identity); })) {
    auto file = windows.begin();
    make_window_planes(request, [&](Plane plane) { write_requested_plane(*file++, std::move(plane), identity); });
  }
  files.insert(files.end(), windows.begin(), windows.end());
  return files;
}

void map_planes(const SeedExperiment& experiment) {
  const Session& session = experiment.session;
  for (const fs::path& file : make_planes(experiment)) {
    update_mapped_surface(read_plane(file), session.config.landscape, session.map_context(),
                          experiment.folder.surfaces() / (file.stem().string() + ".h5"), [&](const Surface&) {
                            write_report(experiment.folder.path, collect_report(experiment.folder.path));
                          });
  }
}

void map_shared_plane(const std::vector<SeedExperiment>& experiments, const fs::path& folder) {
  PlaneRequest request;
  request.origin = experiments.front().session.config.plane.origin;
  for (const SeedExperiment& experiment : experiments) add_sources(request, experiment);
  const fs::path plane = ExperimentFolder{folder}.planes() / "shared.safetensors";
  update_plane(plane, request, identity_of(request));
  const Session& session = experiments.front().session;
  update_mapped_surface(read_plane(plane), session.config.landscape, session.map_context(),
                        ExperimentFolder{folder}.surfaces() / "shared.h5",
                        [&](const Surface&) { write_summary(folder); });
}

// Everything after training: measures, planes, maps, lines and reports. Returns what run_experiment returns.
std::vector<fs::path> evaluate_experiment(const Session& session, const std::vector<SeedExperiment>& experiments,
                                          const fs::path& folder) {
  std::vector<fs::path> files;
  if (!session.config.seeds.empty()) {
    files.push_back(folder / "seeds.json");
    write_file_atomically(files.back(), summarise_seeds(experiments).dump(2) + "\n");
  }
  for (const SeedExperiment& experiment : experiments) {
    measure_runs(experiment);
    map_planes(experiment);
    map_lines(experiment);
    for (const fs::path& file : write_report(experiment.folder.path, collect_report(experiment.folder.path)))
      files.push_back(file);
  }
  if (session.config.plane.shared && !session.config.seeds.empty()) map_shared_plane(experiments, folder);
  for (const fs::path& file : write_summary(folder)) files.push_back(file);
  return files;
}

}  // namespace

std::vector<fs::path> run_experiment(const Session& session, const fs::path& folder) {
  check_plans(session);
  check_images(session);
  if (session.config.plane.shared && session.config.seeds.empty())
    say("note: plane.shared has no effect, since the configuration lists no \"seeds\" that could share a plane");
  std::vector<SeedExperiment> experiments = seed_experiments(session, folder);
  check_folder(folder, experiments, !session.config.seeds.empty());
  std::list<FolderLock> locks;  // two programs on the same runs would both fail
  if (!session.config.seeds.empty()) locks.emplace_back(folder);
  for (const SeedExperiment& experiment : experiments) locks.emplace_back(experiment.folder.path);
  write_config(session.config, folder);
  for (const SeedExperiment& experiment : experiments) write_config(experiment.session.config, experiment.folder.path);
  const std::vector<std::string> failed = train_experiments(experiments);
  if (failed.empty()) return evaluate_experiment(session, experiments, folder);
  const std::string message = fmt::format("{}", fmt::join(failed, ". "));
  try {
    evaluate_experiment(session, experiments, folder);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    throw Error(fmt::format("{}. A further error followed: {}", message, error.what()), error.code());
  }
  fail("{}. The plane, map and report in {} cover the other runs", message, folder.string());
}

}  // namespace thalweg

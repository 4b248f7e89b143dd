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

void add_sources(PlaneRequest& request, const Member& member) {
  request.sources.push_back(member.folder.main_run().path.string());
  if (request.kind != "pca") return;
  for (const BranchConfig& branch : member.session.config.branches) {
    request.sources.push_back(member.folder.branch_run(branch.name).path.string());
  }
}

PlaneRequest plane_request(const Member& member) {
  const ExperimentConfig& config = member.session.config;
  PlaneRequest request;
  request.kind = config.plane.kind;
  request.origin = config.plane.origin;
  request.seed = config.seed;
  request.windows = config.plane.windows;
  add_sources(request, member);
  return request;
}

// What a plane or surface was asked for; one with the same request is up to date.
nlohmann::json identity_of(const PlaneRequest& request) {
  nlohmann::json runs = nlohmann::json::array();
  for (const std::string& source : request.sources) {
    // The index carries the checksum of every snapshot: a run that was trained anew makes another plane.
    const RunFolder run{source};
    runs.push_back(
        {{"name", run.path.filename().string()}, {"snapshots", sha256_of_file(trajectory_index(run.trajectory()))}});
  }
  return {{"kind", request.kind}, {"origin", request.origin}, {"seed", request.seed}, {"runs", runs}};
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

// Schedules, snapshots and windows that do not fit, said before anything is trained, not after.
void check_plans(const Session& session) {
  const PlaneConfig& plane = session.config.plane;
  const std::size_t main = count_snapshots(session, session.main_spec());
  std::size_t all = main;
  for (const BranchConfig& branch : session.config.branches)
    all += count_snapshots(session, session.unforked_spec(branch));
  // Averages have snapshots of their own.
  const auto check_config = [](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      fail_usage("train.snapshots and plane: {}", error.what());
    }
  };
  if (plane.kind == "pca" && session.config.train.average.kind == AverageKind::kNone)
    check_config([&] { check_pca_snapshots(all); });
  if (plane.windows > 0) check_config([&] { cut_windows(main, plane.windows); });
}

// Image counts that the splits lack, said before anything is trained.
void check_images(const Session& session) {
  const LandscapeConfig& config = session.config.landscape;
  std::int64_t images = 0;
  const auto add_split = [&](const char* key, std::int64_t asked, std::int64_t there) {
    if (asked > there) fail_usage("landscape.{}: {} images asked for, the split has {}", key, asked, there);
    images += asked == 0 ? there : asked;
  };
  if (config.train) add_split("train_images", config.train_images, session.data.train.size());
  if (config.test) add_split("test_images", config.test_images, session.data.test.size());
  check_image_losses(config, images);
}

// The forks' states are compared when the branches begin.
void check_runs(const Member& member) {
  const Session& session = member.session;
  const fs::path main = member.folder.main_run().path;
  check_run_folder(main, run_identity(session.main_spec(), session.graph));
  for (const BranchConfig& branch : session.config.branches) {
    const fs::path run = member.folder.branch_run(branch.name).path;
    if (fs::exists(run)) check_run_folder(run, run_identity(session.unforked_spec(branch), session.graph));
  }
}

void check_holds_experiment(const fs::path& folder) {
  const fs::path config = ExperimentFolder{folder}.config();
  check(!fs::exists(config) || !read_json_file(config, ExitCode::kFailure).contains("theory"),
        "{} holds a study of the theory; choose another --out", folder.string());
  check(!RunFolder{folder}.holds_run(), "{} holds a run; choose another --out", folder.string());
}

// Before a folder's configuration is written over. With seeds the runs lie in seeds/, without in the folder itself: one
// seed may come first and all later, but not the other way round, for the folder then is one seed's experiment.
void check_folder(const fs::path& folder, const std::vector<Member>& members, bool seeds) {
  check_holds_experiment(folder);
  const ExperimentFolder experiment{folder};
  check(seeds || !fs::exists(experiment.seeds()) || fs::exists(experiment.main_run().path),
        "{} holds runs of several seeds, and this configuration names none: give it their \"seeds\", or choose another "
        "--out",
        folder.string());
  for (const Member& member : members) {
    check_holds_experiment(member.folder.path);
    check_runs(member);
  }
}

void write_config(const ExperimentConfig& config, const fs::path& folder) {
  write_file_atomically(ExperimentFolder{folder}.config(), to_json(config).dump(2) + "\n");
}

// By member and branch what its run said if it diverged or had nowhere to fork.
using BranchFailures = std::vector<std::vector<std::string>>;

// Returns what was said; the branches are gone from the members' configurations.
std::vector<std::string> take_out_failed(std::vector<Member>& members, const BranchFailures& failed) {
  std::vector<std::string> said;
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::vector<BranchConfig> sound;
    for (std::size_t k = 0; k < failed[i].size(); ++k) {
      if (failed[i][k].empty()) {
        sound.push_back(members[i].session.config.branches[k]);
      } else {
        said.push_back(failed[i][k]);
      }
    }
    members[i].session.config.branches = std::move(sound);
  }
  return said;
}

// Trains main paths and branches, side by side where the session says so; results are in the folders' status.json. A
// branch that fails so is taken out of its member's configuration, so that the others can be mapped. Returns what was
// said of each.
std::vector<std::string> train_experiments(std::vector<Member>& members) {
  const RunLanes lanes = members.front().session.lanes();
  std::vector<Job> jobs;
  const auto title = [&](const Member& member, const std::string& run) {
    return members.size() == 1 ? run : fmt::format("seed {} {}", member.session.config.seed, run);
  };
  const auto context_of = [&](const Member& member, const std::string& run) {
    RunContext context = member.session.run_context();
    context.title = title(member, run);
    // One line that is redrawn cannot serve several runs.
    if (lanes.count > 1 && context.progress != ProgressMode::kQuiet) context.progress = ProgressMode::kLines;
    return context;
  };
  // All main paths first: the branches of the first seeds begin while those of the last still train.
  for (const Member& member : members) {
    jobs.push_back({[&, context = context_of(member, kMainRun)] {
      train_run(member.session.main_spec(), context, member.folder.main_run().path);
    }});
  }
  BranchFailures failed;
  for (const Member& member : members) failed.emplace_back(member.session.config.branches.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    for (std::size_t k = 0; k < failed[i].size(); ++k) {
      const BranchConfig& branch = member.session.config.branches[k];
      const auto train = [&, context = context_of(member, branch.name), said = &failed[i][k]] {
        try {
          train_run(member.session.branch_spec(branch, member.folder.main_run().path), context,
                    member.folder.branch_run(branch.name).path);
        } catch (const Diverged& error) {
          *said = error.what();
        } catch (const NoFork& error) {
          *said = error.what();
        }
      };
      jobs.push_back({train, i});
    }
  }
  run_side_by_side(jobs, lanes);
  return take_out_failed(members, failed);
}

// Returns the files of the plane and of its windows.
std::vector<fs::path> make_planes(const Member& member) {
  const PlaneRequest request = plane_request(member);
  std::vector<fs::path> files{member.folder.planes() / (request.kind + ".safetensors")};
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

void map_planes(const Member& member) {
  const Session& session = member.session;
  for (const fs::path& file : make_planes(member)) {
    update_mapped_surface(read_plane(file), session.config.landscape, session.map_context(),
                          member.folder.surfaces() / (file.stem().string() + ".h5"),
                          [&] { write_report(member.folder.path, collect_report(member.folder.path)); });
  }
}

void map_shared_plane(const std::vector<Member>& members, const fs::path& folder) {
  PlaneRequest request;
  request.origin = members.front().session.config.plane.origin;
  for (const Member& member : members) add_sources(request, member);
  const fs::path plane = ExperimentFolder{folder}.planes() / "shared.safetensors";
  update_plane(plane, request, identity_of(request));
  const Session& session = members.front().session;
  update_mapped_surface(read_plane(plane), session.config.landscape, session.map_context(),
                        ExperimentFolder{folder}.surfaces() / "shared.h5", [&] { write_summary(folder); });
}

// What comes after training: measures, planes, maps, lines and reports; returns what run_experiment does.
std::vector<fs::path> evaluate_experiment(const Session& session, const std::vector<Member>& members,
                                          const fs::path& folder) {
  std::vector<fs::path> files;
  if (!session.config.seeds.empty()) {
    files.push_back(folder / "seeds.json");
    write_file_atomically(files.back(), summarise_seeds(members).dump(2) + "\n");
  }
  for (const Member& member : members) {
    measure_runs(member);
    map_planes(member);
    map_lines(member);
    for (const fs::path& file : write_report(member.folder.path, collect_report(member.folder.path)))
      files.push_back(file);
  }
  if (session.config.plane.shared && !session.config.seeds.empty()) map_shared_plane(members, folder);
  for (const fs::path& file : write_summary(folder)) files.push_back(file);
  return files;
}

}  // namespace

std::vector<fs::path> run_experiment(const Session& session, const fs::path& folder) {
  check_plans(session);
  check_images(session);
  if (session.config.plane.shared && session.config.seeds.empty())
    say("note: plane.shared: the configuration names no seeds to share a plane");
  std::vector<Member> members = members_of(session, folder);
  check_folder(folder, members, !session.config.seeds.empty());
  std::list<FolderLock> locks;  // a second program would take runs from the first, and both would fail
  if (!session.config.seeds.empty()) locks.emplace_back(folder);
  for (const Member& member : members) locks.emplace_back(member.folder.path);
  write_config(session.config, folder);
  for (const Member& member : members) write_config(member.session.config, member.folder.path);
  const std::vector<std::string> failed = train_experiments(members);
  if (failed.empty()) return evaluate_experiment(session, members, folder);
  const std::string said = fmt::format("{}", fmt::join(failed, ". "));
  try {
    evaluate_experiment(session, members, folder);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    throw Error(fmt::format("{}. Then: {}", said, error.what()), error.code());
  }
  fail("{}. Plane, map and report in {} are of the other runs", said, folder.string());
}

}  // namespace thalweg

#include "experiment/runner.h"

#include "base/digest.h"
#include "experiment/measures.h"
#include "experiment/planes.h"
#include "io/atomic_file.h"
#include "landscape/map.h"
#include "report/report.h"
#include "report/study.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

PlaneRequest plane_request(const Session& session, const fs::path& folder) {
  PlaneRequest request;
  request.kind = session.config.plane.kind;
  request.origin = session.config.plane.origin;
  request.seed = session.config.seed;
  request.sources.push_back((folder / "main").string());
  if (request.kind == "pca") {
    for (const BranchConfig& branch : session.config.branches) {
      request.sources.push_back((folder / "branches" / branch.name).string());
    }
  }
  return request;
}

// What a plane or surface was asked for; one with the same request is up to date.
nlohmann::json plane_identity(const Session& session, const fs::path& folder) {
  const PlaneRequest request = plane_request(session, folder);
  nlohmann::json runs = nlohmann::json::array();
  for (const std::string& source : request.sources) {
    // The index carries the checksum of every snapshot: a run that was trained anew makes another plane.
    const fs::path run = source;
    runs.push_back({{"name", run.filename().string()}, {"snapshots", sha256_of_file(run / "trajectory/index.log")}});
  }
  return {{"kind", request.kind}, {"origin", request.origin}, {"seed", request.seed}, {"runs", runs}};
}

bool has_request(const fs::path& file, const nlohmann::json& provenance, const nlohmann::json& request) {
  return fs::exists(file) && provenance.value("request", nlohmann::json()) == request;
}

fs::path preview_of(const fs::path& surface) {
  return fs::path(surface).replace_extension(".unfinished.h5");
}

void write_config(const ExperimentConfig& config, const fs::path& folder) {
  write_file_atomically(folder / "config.json", to_json(config).dump(2) + "\n");
}

}  // namespace

void train_experiments(const std::vector<Member>& members) {
  const Lanes lanes = members.front().session.lanes();
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
    jobs.push_back({[&, context = context_of(member, "main")] {
      train_run(member.session.main_spec(), context, member.folder / "main");
    }});
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    for (const BranchConfig& branch : member.session.config.branches) {
      jobs.push_back({[&, context = context_of(member, branch.name)] {
                        train_run(member.session.branch_spec(branch, member.folder / "main"), context,
                                  member.folder / "branches" / branch.name);
                      },
                      i});
    }
  }
  run_side_by_side(jobs, lanes);
}

fs::path plane_experiment(const Session& session, const fs::path& folder) {
  const fs::path file = folder / "planes" / (session.config.plane.kind + ".safetensors");
  const nlohmann::json identity = plane_identity(session, folder);
  if (fs::exists(file) && has_request(file, read_plane(file).provenance, identity)) return file;
  Plane plane = make_plane(plane_request(session, folder));
  plane.provenance["request"] = identity;
  write_plane(file, plane);
  return file;
}

void write_mapped_surface(const fs::path& plane_file, const LandscapeConfig& config, const Session& session,
                          const fs::path& out, const std::function<void()>& shown) {
  const fs::path journal = out.string() + ".journal";
  if (out.has_parent_path()) fs::create_directories(out.parent_path());
  MapContext context{session.graph, session.data, session.device, session.progress, [&](const Surface& unfinished) {
                       write_surface_hdf5(preview_of(out), unfinished);
                       if (shown) shown();
                     }};
  Surface surface = map_landscape(read_plane(plane_file), config, context, journal);
  surface.provenance["request"] = {{"landscape", to_json(config)}, {"plane", surface.provenance["plane_digest"]}};
  surface.provenance["made_by"] = make_provenance(session.device);
  write_surface_csv(fs::path(out).replace_extension(".csv"), surface);
  write_surface_hdf5(out, surface);
  remove_journal(journal);
  fs::remove(preview_of(out));
}

fs::path map_experiment(const Session& session, const fs::path& folder) {
  const fs::path plane = plane_experiment(session, folder);
  const fs::path out = folder / "surfaces" / (session.config.plane.kind + ".h5");
  if (fs::exists(out)) {
    const nlohmann::json made = read_surface_hdf5(out).provenance;
    const nlohmann::json asked = {{"landscape", to_json(session.config.landscape)},
                                  {"plane", plane_digest(read_plane(plane))}};
    if (has_request(out, made, asked)) {
      fs::remove(preview_of(out));  // of a map with other settings that was given up
      return out;
    }
  }
  write_mapped_surface(plane, session.config.landscape, session, out,
                       [&] { write_report(folder, collect_report(folder)); });
  return out;
}

std::vector<fs::path> run_experiment(const Session& session, const fs::path& folder) {
  write_config(session.config, folder);
  const std::vector<Member> members = members_of(session, folder);
  for (const Member& member : members) write_config(member.session.config, member.folder);
  train_experiments(members);
  std::vector<fs::path> files;
  if (!session.config.seeds.empty()) {
    files.push_back(folder / "seeds.json");
    write_file_atomically(files.back(), summarise_seeds(members).dump(2) + "\n");
  }
  for (const Member& member : members) {
    measure_runs(member.session, member.folder);
    plane_experiment(member.session, member.folder);
    map_experiment(member.session, member.folder);
    for (const fs::path& file : write_report(member.folder, collect_report(member.folder))) files.push_back(file);
  }
  for (const fs::path& file : write_summary(folder)) files.push_back(file);
  return files;
}

}  // namespace thalweg

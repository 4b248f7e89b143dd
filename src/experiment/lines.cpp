#include "experiment/lines.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/console.h"
#include "base/progress.h"
#include "experiment/mapped_surface.h"
#include "experiment/planes.h"
#include "landscape/surface_files.h"
#include "trajectory/build_plane.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr int kEndsAlone = 2;
constexpr std::int64_t kMostAuditPoints = 2;  // a line has few points

struct LineRequest {
  std::string from, to;        // names
  std::string source, target;  // the form that PlaneRequest::sources expects
  int points;
};

std::vector<LineRequest> line_requests(const SeedExperiment& experiment) {
  struct Branch {
    std::int64_t first_step;
    std::string name, end;
    auto operator<=>(const Branch&) const = default;
  };
  const Session& session = experiment.session;
  std::vector<Branch> branches;
  for (const BranchConfig& branch : session.config.branches)
    branches.push_back({session.unforked_spec(branch).first_step, branch.name,
                        experiment.folder.branch_run(branch.name).path.string()});
  std::sort(branches.begin(), branches.end());
  std::vector<LineRequest> lines;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const auto& [first_step, name, end] = branches[i];
    const std::string fork = fmt::format("{}@{}", end, first_step);  // the main path may have no snapshot there
    lines.push_back({kMainRun, name, fork, end, kEndsAlone});
    if (i + 1 == branches.size()) break;
    lines.push_back({name, branches[i + 1].name, end, branches[i + 1].end, session.config.measures.line_points});
  }
  return lines;
}

LandscapeConfig config_of(LandscapeConfig config, const Plane& line, int points) {
  config.grid = fmt::format("{}x1", points);
  config.margin = LandscapeConfig().margin;  // not used here, but recorded in the line's request
  config.range = fmt::format("0:{},-1:1", line.provenance.at("length").get<double>());
  if (config.bn == BnMode::kOrigin) config.bn = BnMode::kRecompute;
  config.audit_points = std::min(config.audit_points, kMostAuditPoints);
  config.tolerance.clear();
  config.image_losses = false;
  return config;
}

// Omits the final losses from the run's own evaluation: the map of the plane is already checked against them.
std::optional<Plane> plane_of(const LineRequest& line) {
  PlaneRequest request;
  request.kind = PlaneKind::kLine;
  request.sources = {line.source, line.target};
  try {
    Plane plane = make_plane(request);
    plane.provenance.erase("origin_final");
    return plane;
  } catch (const SameWeights& error) {
    say(fmt::format("no line from {} to {}: {}", line.from, line.to, error.what()));
    return std::nullopt;
  }
}

}  // namespace

void map_lines(const SeedExperiment& experiment) {
  const Session& session = experiment.session;
  if (session.config.branches.size() < 2 || session.config.measures.line_points == 0) return;
  const std::vector<LineRequest> lines = line_requests(experiment);
  Progress progress("lines between ends", "lines", static_cast<double>(lines.size()), 0, session.progress);
  MapContext context = session.map_context();
  context.progress = ProgressMode::kQuiet;
  double done = 0;
  for (const LineRequest& line : lines) {
    const fs::path file = experiment.folder.lines() / fmt::format("{}+{}.h5", line.from, line.to);
    if (const std::optional<Plane> plane = plane_of(line)) {
      update_mapped_surface(*plane, config_of(session.config.landscape, *plane, line.points), context, file);
    } else {
      for (const fs::path& stale : {file, files_beside(file).table}) fs::remove(stale);
    }
    progress.update(++done, line.to);
  }
  progress.finish();
}

}  // namespace thalweg

#include "theory/study.h"

#include "base/device.h"
#include "base/stream.h"
#include "io/atomic_file.h"
#include "io/config_reader.h"
#include "io/posix_file.h"
#include "io/strict_json.h"
#include "theory/figures.h"
#include "theory/landscape.h"
#include "theory/page.h"
#include "theory/tables.h"
#include "trajectory/folders.h"

namespace thalweg {

namespace fs = std::filesystem;

void claim_study_folder(const fs::path& folder, const TheoryConfig& config) {
  const fs::path file = folder / "config.json";
  nlohmann::json there = fs::exists(file) ? read_json_file(file, ExitCode::kFailure) : nlohmann::json();
  check(!RunFolder{folder}.holds_run() && (there.is_null() || there.contains("theory")),
        "{} holds an experiment or a run; choose another --out", folder.string());
  if (!there.is_null()) {
    nlohmann::json here = to_json(config);
    for (const char* key : {"device", "threads"}) there.erase(key), here.erase(key);
    if (there != here)
      fail("{} holds a study with another configuration ({}); choose another --out, or remove the folder",
           folder.string(), first_difference(there, here));
  }
  const bool is_new = !fs::exists(folder);
  create_folders(folder);
  if (is_new) fs::remove(folder);  // a stopped study leaves no folder behind
}

TheoryStudy run_study(const TheoryConfig& config, ProgressMode mode) {
  set_num_threads(config.threads);
  const c10::Device device = parse_device(config.device);
  use_device(device);
  TheoryStudy study{config, {}, make_cells(config), {}, {}};
  for (std::int64_t s = 0; s < config.seeds; ++s)
    study.problems.push_back(make_problem(config, config.seed + static_cast<std::uint64_t>(s)));
  const double runs = static_cast<double>(study.cells.size() * study.problems.size());
  Progress progress("theory", "run-steps", runs * static_cast<double>(config.steps), 0, mode);
  study.runs = simulate({&study.config, &study.problems, study.cells, device, false, [&](std::int64_t step) {
                           progress.update(runs * static_cast<double>(step), fmt::format("step {}", step));
                         }});
  progress.finish();
  if (config.gamma == 0) study.flows = mean_flows(study.problems, study.cells, study.runs.steps);
  return study;
}

std::vector<fs::path> write_study(const fs::path& folder, const TheoryStudy& study) {
  // Everything slow, which may be stopped, comes before the first file is written.
  std::vector<Figure> figures = theory_figures(study);
  const auto landscape = theory_landscape(study, parse_device(study.config.device));
  std::vector<fs::path> files;
  const auto write = [&](const std::string& name, const std::string& text) {
    files.push_back(folder / name);
    write_file_atomically(files.back(), text);
  };
  write("config.json", to_json(study.config).dump(2) + "\n");
  write("cells.csv", cells_csv(study));
  write("curves.csv", curves_csv(study));
  write("phases.csv", phases_csv(study));
  if (landscape) {
    figures.push_back(landscape_figure(*landscape));
    for (const char* name : {"landscape.h5", "landscape.csv"}) files.push_back(folder / name);
    write_surface_hdf5(folder / "landscape.h5", landscape->surfaces[0]);
    write_surface_csv(folder / "landscape.csv", landscape->surfaces[0]);
  }
  for (const Figure& figure : figures) write("figures/" + figure.name, figure.svg);
  write("report.html", theory_page(study, figures));
  return files;
}

}  // namespace thalweg

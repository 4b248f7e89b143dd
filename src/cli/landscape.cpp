#include <algorithm>
#include <optional>
#include <sstream>

#include "base/clock.h"
#include "base/console.h"
#include "base/error.h"
#include "base/memory.h"
#include "cli/command.h"
#include "experiment/mapped_surface.h"
#include "experiment/session.h"
#include "io/atomic_file.h"
#include "landscape/cost.h"
#include "landscape/grid.h"
#include "landscape/map.h"
#include "landscape/surface_files.h"
#include "report/figure.h"
#include "report/map_notes.h"
#include "report/minima.h"
#include "trajectory/plane.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

// The network and data recorded in the plane's file, with --set, --device and --threads applied.
ExperimentConfig config_of(const std::string& plane_file, const nlohmann::json& provenance, const CommonFlags& flags) {
  check(provenance.contains("model") && provenance.contains("data"),
        "{} does not say which network and data it belongs to: make the plane again with thalweg plane --config",
        plane_file);
  nlohmann::json json = {{"model", provenance.at("model")}, {"data", provenance.at("data")}};
  if (is_line(provenance)) json["landscape"]["grid"] = "51x1";
  apply_flags(json, flags);
  return read_experiment_config(json);
}

LandscapeConfig landscape_of(const CommandLine& line, const CommonFlags& flags, const LandscapeConfig& config) {
  nlohmann::json json = to_json(config);
  for (const char* key : {"grid", "range", "bn", "precision", "tolerance"}) {
    if (line.has(key)) json[key] = line.text(key);
  }
  if (line.has("image-losses")) json["image_losses"] = true;
  if (line.has("splits")) json["splits"] = split_at_commas(line.text("splits"));
  for (const char* flag :
       {"margin", "train-images", "test-images", "bn-images", "images", "stderr", "audit-points", "max-deviation"}) {
    std::string key = flag;
    std::replace(key.begin(), key.end(), '-', '_');
    if (line.has(flag)) apply_override(json, key + "=" + line.text(flag));
  }
  if (flags.seed) json["seed"] = *flags.seed;
  return read_landscape_config(ConfigReader(json, "landscape"));
}

Session open_plane_session(const ExperimentConfig& config, const Plane& plane, ProgressMode progress) {
  Session session = open_session(config, progress);
  if (plane.provenance.value("data_digest", session.data.digest) != session.data.digest) {
    say("note: these are not the images that the plane's runs were trained on (their SHA-256 differs)");
  }
  use_stored_normalisation(session, plane.provenance, "the plane");
  return session;
}

// Planes from this size on use large pages, which slow down maps of small networks (ResNet-20 in float32 by 5 %).
constexpr std::uintmax_t kLargePlane = std::uintmax_t{64} << 20;  // bytes: 5.6 million weights

struct BudgetedMap {
  const Plane& plane;
  const Session& session;
  const std::string& out;  // "" for a dry run without --out
};

LandscapeConfig within_budget(const LandscapeConfig& config, double seconds, const BudgetedMap& map) {
  check_budget(config);
  if (!map.out.empty()) {
    const std::optional<LandscapeConfig> begun = begun_within_budget(files_beside(map.out).journal, config, seconds);
    if (begun) return *begun;
  }
  return fit_budget(config, measure_cost(map.plane, config, map.session.map_context()), seconds);
}

void print_settings(const LandscapeConfig& config) {
  say(fmt::format(
      "chosen to fit the budget: {} points, {}", config.grid,
      config.images > 0 ? fmt::format("{} images of each split, with standard errors", config.images) : "all images"));
}

void print_cost(const Plane& plane, const LandscapeConfig& config, const Session& session, bool as_json) {
  const MapCost cost = measure_cost(plane, config, session.map_context());
  if (as_json) return fmt::print("{}\n", nlohmann::json(cost).dump());
  const char* most = cost.at_most ? "at most " : "";
  fmt::print("points       {}\n", cost.points);
  fmt::print("images       {}{:.0f} evaluated, {:.0f} per point\n", most, cost.images,
             cost.images / static_cast<double>(cost.points));
  if (cost.checkpoint_images > 0)
    fmt::print("checkpoint   {:.0f} more images in float32, to compare the origin with its run's own evaluation\n",
               cost.checkpoint_images);
  if (cost.audit_images > 0)
    fmt::print("audit        {:.0f} images over {:.0f} points, once more in the map's precision and once in float32\n",
               cost.audit_images, cost.audit_points);
  fmt::print("work         {}{:.3g} TFLOP\n", most, cost.flops / 1e12);
  fmt::print("time         {}{} (estimated from three points: {:.3g} s per point and {:.3g} ms per image", most,
             format_duration(cost.seconds), cost.time.fixed, 1e3 * cost.time.per_image);
  if (cost.time.shared > 0) fmt::print(", and {:.3g} ms once for each image", 1e3 * cost.time.shared);
  if (config.precision != c10::ScalarType::Float)
    fmt::print(", in float32 {:.3g} s and {:.3g} ms", cost.float32.fixed, 1e3 * cost.float32.per_image);
  fmt::print(")\n");
  fmt::print("memory       {:.0f} MB at the peak so far\n", cost.memory_mb);
  if (cost.of_exact_map && !cost.at_most)
    fmt::print(
        "note         these numbers are for an exact map; an adaptive map usually needs a small part of them, but more "
        "if samples and interpolation save nothing, because of its passes and audits\n");
}

std::string drawn(const std::filesystem::path& out, const Surface& surface) {
  ReportData data;
  data.title = out.filename().string();
  data.surfaces.emplace_back().path = surface.path;  // gives each branch a colour of its own
  return map_figure(data, surface);
}

// Draws the map while it is being made. Leaves out a map so large that this would take longer than a second.
void draw_unfinished(const std::filesystem::path& out, const Surface& surface) {
  constexpr std::size_t kMostPoints = 50'000;
  if (!is_unfinished(surface) || surface.x.size() * surface.y.size() > kMostPoints) return;
  if (const std::string svg = drawn(out, surface); !svg.empty())
    write_file_atomically(files_beside(out).unfinished_picture, svg);
}

// Writes the picture beside the surface's file and returns its path; null, and no file, if there is nothing to draw.
nlohmann::json draw_surface(const std::filesystem::path& out, const Surface& surface) {
  const SurfaceFiles files = files_beside(out);
  std::filesystem::remove(files.unfinished_picture);
  const std::string svg = drawn(out, surface);
  if (svg.empty()) {
    std::filesystem::remove(files.picture);
    return nullptr;
  }
  write_file_atomically(files.picture, svg);
  return files.picture.string();
}

// Returns the summary of a surface as JSON, and prints it as text unless `as_json`.
nlohmann::json tell_surface(const std::string& out, bool as_json) {
  const Surface surface = read_surface_hdf5(out);
  const nlohmann::json landscape = surface.provenance.at("landscape");
  nlohmann::json result = {{"file", out}, {"landscape", landscape}, {"points", surface.x.size() * surface.y.size()}};
  result["images"] = landscape.value("train_images", 0) + landscape.value("test_images", 0);
  result["evaluation_seconds"] = landscape.at("evaluation_seconds");
  result["notes"] = how_values_came(surface);
  const Minima minima = find_minima(surface);
  for (const auto& [key, minimum] : {std::pair("train_loss", minima.train), std::pair("test_loss", minima.test)}) {
    if (!surface.has(key)) continue;
    result[key] = minimum ? nlohmann::json{{"minimum", minimum->value}, {"x", minimum->x}, {"y", minimum->y}} : nullptr;
    if (as_json) continue;
    if (minimum)
      fmt::print("{}: smallest {} {:.4f} at ({:.4g}, {:.4g})\n", out, key, minimum->value, minimum->x, minimum->y);
    else
      fmt::print("{}: no point has a finite {}\n", out, key);
  }
  result["not_finite"] = num_not_finite(surface);
  result["picture"] = draw_surface(out, surface);
  if (!as_json) {
    fmt::print("{}: {}\n", out, result["notes"].get<std::string>());
    if (result["not_finite"] > 0)
      fmt::print("{}: {} of {} points have a value that is not finite (NaN or inf)\n", out, result["not_finite"].dump(),
                 result["points"].dump());
  }
  return result;
}

void check_is_hdf5_name(const std::filesystem::path& out) {
  if (out.extension() != ".h5")
    fail_usage(
        "--out must name a file that ends in .h5, like surface.h5 (a CSV table and an SVG picture are written beside "
        "it), got {}",
        out.string());
}

void check_surface_out(const std::filesystem::path& out) {
  const auto read = [](const std::filesystem::path& file) { read_surface_hdf5(file); };
  check_out(out, "surface.h5", "surface", read);
  check_is_hdf5_name(out);
  const SurfaceFiles files = files_beside(out);
  check_replaceable(files.unfinished, "surface", read);
  check_replaceable(files.table, "surface's table", check_surface_csv);
  check_replaceable(files.picture, "figure of a map", check_map_figure);
  check_replaceable(files.unfinished_picture, "figure of a map", check_map_figure);
}

// Maps the planes of `windows` windows, found beside a plane file, each to its own file beside `out`.
void map_windows(const std::string& plane_file, const std::string& out, int windows, const LandscapeConfig& landscape,
                 const Session& session, bool as_json) {
  const auto planes = window_files(plane_file, windows), surfaces = window_files(out, windows);
  nlohmann::json results = nlohmann::json::array();
  for (std::size_t k = 0; k < planes.size(); ++k) {
    update_mapped_surface(read_plane(planes[k].string()), landscape, session.map_context(), surfaces[k],
                          [&](const Surface& surface) { draw_unfinished(surfaces[k], surface); });
    results.push_back(tell_surface(surfaces[k].string(), as_json));
  }
  if (as_json) fmt::print("{}\n", results.dump());
}

void add_options(CommandLine& line) {
  const auto add = [&](const char* name, const char* text, const char* value) {
    line.add()(name, text, cxxopts::value<std::string>(), value);
  };
  add("plane", "plane file", "FILE");
  add("out", "the surface's file (HDF5); a CSV table and an SVG picture are written beside it", "FILE");
  add("grid", "columns x rows (25x25; for a line 51x1)", "WxH");
  add("range", "corners of the map (default: fitted to the path)", "x0:x1,y0:y1");
  add("margin", "margin of the fitted range, as a fraction of the path's extent (0.2)", "M");
  add("splits", "train, test or both (train,test)", "LIST");
  add("bn", "batch norm: recompute, origin or batch", "MODE");
  add("bn-images", "training images for batch norm's statistics (1000)", "N");
  add("train-images", "use the first N training images only", "N");
  add("test-images", "use the first N test images only", "N");
  add("precision", "float32, bf16, float16 (GPU only), or auto: the fastest available (float32)", "TYPE");
  add("audit-points", "number of points of a bf16 or float16 map to evaluate again in float32 (8)", "N");
  add("max-deviation", "relative deviation above which such a map is made again in float32 (0.005)", "D");
  add("images", "evaluate a stratified sample of N images of each split, and give standard errors", "N");
  add("stderr", "at each point, as many images as a standard error of at most E nats needs", "E");
  add("tolerance", "adaptive map, certified to T nats or to T% of the surface's range", "T");
  add("budget", "choose grid and images to fit a time, like 60s, 5m or 1h", "TIME");
  line.add()("image-losses", "also store the loss of each image (exact maps only)");
  line.add()("windows", "map the N planes that thalweg plane --windows N wrote beside --plane, not --plane itself",
             cxxopts::value<std::string>(), "N");
  line.add()("dry-run", "measure three points, print the estimated cost and the peak memory so far, and make no map");
}

int windows_of(const CommandLine& line, const std::string& plane_file) {
  if (!line.has("windows")) return 0;
  const int windows = static_cast<int>(line.integer("windows", 2, kMaxWindows));
  if (line.has("dry-run") || line.has("budget"))
    fail_usage("--windows cannot be combined with --budget or --dry-run: use these on the plane of one window, like {}",
               window_files(plane_file, windows).front().string());
  return windows;
}

// Returns --out after checking it; "" for a dry run without it.
std::string out_of(const CommandLine& line, int windows) {
  if (line.has("dry-run") && !line.has("out")) return "";
  const std::string out = line.required("out", "--out SURFACE.h5");
  if (windows == 0) {
    check_surface_out(out);
    return out;
  }
  check_is_hdf5_name(out);
  std::ranges::for_each(window_files(out, windows), check_surface_out);
  return out;
}

// Must be called before LibTorch allocates memory: enabling large pages affects only later allocations.
Plane read_plane_for_map(const std::string& file) {
  std::error_code missing;  // reported by read_plane
  if (const auto bytes = std::filesystem::file_size(file, missing); !missing && bytes >= kLargePlane) use_large_pages();
  return read_plane(file);
}

}  // namespace

void landscape_command(int argc, char** argv) {
  CommandLine line(
      "landscape",
      "Maps train and test loss and accuracy over a plane. If it was interrupted, the same command continues it.",
      "--plane FILE --out SURFACE.h5",
      "  thalweg landscape --plane plane.safetensors --grid 51x51 --out surface.h5\n"
      "  thalweg landscape --plane plane.safetensors --grid 21x21 --range=-1:1,-1:1 --splits test "
      "--test-images 2000 --out test.h5\n"
      "  thalweg landscape --plane plane.safetensors --windows 4 --out surface.h5\n");
  add_options(line);
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string plane_file = line.required("plane", "--plane FILE");
  const int windows = windows_of(line, plane_file);
  const std::string out = out_of(line, windows);
  const Plane plane = read_plane_for_map(windows > 0 ? window_files(plane_file, windows).front().string() : plane_file);
  const ExperimentConfig config = config_of(plane_file, plane.provenance, flags);
  LandscapeConfig landscape = landscape_of(line, flags, config.landscape);
  if (is_line(plane.provenance) && parse_grid_size(landscape.grid).second != 1) {
    fail_usage("{} is a line, so all rows of its map would be the same: give --grid as Nx1, not {}", plane_file,
               landscape.grid);
  }
  const Session session = open_plane_session(config, plane, flags.progress);
  landscape = resolve_precision(landscape, session.device);
  const Clock::time_point start = Clock::now();
  if (line.has("budget")) {
    landscape = within_budget(landscape, parse_duration(line.text("budget")), {plane, session, out});
    if (flags.progress != ProgressMode::kQuiet) print_settings(landscape);
  }
  if (line.has("dry-run")) return print_cost(plane, landscape, session, flags.json);
  if (windows > 0) return map_windows(plane_file, out, windows, landscape, session, flags.json);
  write_mapped_surface(plane, landscape, session.map_context(), out,
                       [&](const Surface& surface) { draw_unfinished(out, surface); });
  const nlohmann::json result = tell_surface(out, flags.json);
  const bool made_again = result["landscape"].contains("/audit/made_again_in"_json_pointer);
  if (landscape.budget > 0 && !made_again && seconds_since(start) > landscape.budget)
    say(fmt::format("note: the map took {:.3g} s, longer than its budget of {:.3g} s", seconds_since(start),
                    landscape.budget));
  if (flags.json) fmt::print("{}\n", result.dump());
}

}  // namespace thalweg

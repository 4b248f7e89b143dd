#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "cli/command.h"
#include "experiment/runner.h"
#include "landscape/map.h"

namespace thalweg {
namespace {

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

// Network and data as the plane's file says, with --set, --device and --threads on top.
ExperimentConfig config_of(const std::string& plane_file, const nlohmann::json& provenance, const CommonFlags& flags) {
  check(provenance.contains("model") && provenance.contains("data"),
        "{} does not say which network and data it belongs to", plane_file);
  nlohmann::json json = {{"model", provenance.at("model")}, {"data", provenance.at("data")}};
  apply_flags(json, flags);
  return read_experiment_config(json);
}

LandscapeConfig landscape_of(const CommandLine& line, const CommonFlags& flags, const LandscapeConfig& config) {
  nlohmann::json json = to_json(config);
  for (const char* key : {"grid", "range", "bn", "precision", "tolerance"}) {
    if (line.has(key)) json[key] = line.text(key);
  }
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

void print_surface(const std::string& out, bool as_json) {
  const Surface surface = read_surface_hdf5(out);
  nlohmann::json result = {{"file", out}, {"landscape", surface.provenance.at("landscape")}};
  for (const char* key : {"train_loss", "test_loss"}) {
    if (!surface.has(key)) continue;
    const SurfaceMinimum minimum = surface_minimum(surface, key);
    result[key] = {{"minimum", minimum.value}, {"x", minimum.x}, {"y", minimum.y}};
    if (!as_json)
      fmt::print("{}: smallest {} {:.4f} at ({:.4g}, {:.4g})\n", out, key, minimum.value, minimum.x, minimum.y);
  }
  if (as_json) fmt::print("{}\n", result.dump());
}

}  // namespace

void landscape_command(int argc, char** argv) {
  CommandLine line("landscape",
                   "Maps train and test loss and accuracy over a plane. Interrupted, it goes on where it was.",
                   "--plane FILE --out SURFACE.h5",
                   "  thalweg landscape --plane plane.safetensors --grid 51x51 --out surface.h5\n"
                   "  thalweg landscape --plane plane.safetensors --grid 21x21 --range=-1:1,-1:1 --splits test "
                   "--test-images 2000 --out test.h5\n");
  line.add()("plane", "plane file", cxxopts::value<std::string>(), "FILE")("grid", "columns x rows (25x25)",
                                                                           cxxopts::value<std::string>(), "WxH")(
      "range", "corners; default: fitted to the path", cxxopts::value<std::string>(), "x0:x1,y0:y1")(
      "margin", "of the fit, as a part of the path's extent (0.2)", cxxopts::value<std::string>(), "M")(
      "splits", "train, test or both (train,test)", cxxopts::value<std::string>(), "LIST")(
      "bn", "batch norm: recompute, origin or batch", cxxopts::value<std::string>(), "MODE")(
      "bn-images", "training images for batch norm's statistics (1000)", cxxopts::value<std::string>(), "N")(
      "train-images", "first N training images only", cxxopts::value<std::string>(), "N")(
      "test-images", "first N test images only", cxxopts::value<std::string>(), "N")(
      "precision", "float32 or bf16 (float32)", cxxopts::value<std::string>(), "TYPE")(
      "audit-points", "points of a bf16 map that are evaluated again in float32 (8)", cxxopts::value<std::string>(),
      "N")("max-deviation", "relative; a bf16 map that deviates more is made again in float32 (0.005)",
           cxxopts::value<std::string>(), "D")(
      "images", "a stratified sample of N images of each split, with standard errors", cxxopts::value<std::string>(),
      "N")("stderr", "as many images as a standard error of E nats takes", cxxopts::value<std::string>(), "E")(
      "tolerance", "adaptive: certified to T nats, or to T% of the surface's range", cxxopts::value<std::string>(),
      "T")("out", "the surface's file (HDF5); a CSV is written beside it", cxxopts::value<std::string>(), "FILE");
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string plane = line.required("plane", "--plane FILE");
  const std::string out = line.required("out", "--out SURFACE.h5");
  if (out.ends_with(".csv")) fail_usage("--out names the HDF5 file, like surface.h5; the CSV is written beside it");
  const nlohmann::json provenance = read_plane(plane).provenance;
  const ExperimentConfig config = config_of(plane, provenance, flags);
  const LandscapeConfig landscape = landscape_of(line, flags, config.landscape);
  Session session = open_session(config, flags.progress);
  // The normalisation that the weights were trained with, whatever the data set's usual one is.
  if (provenance.value("data_digest", session.data.digest) != session.data.digest) {
    fmt::print(stderr, "note: these are not the images that the plane's runs were trained on (another SHA-256)\n");
  }
  if (provenance.contains("normalisation")) session.data.normalisation = provenance.at("normalisation");
  write_mapped_surface(plane, landscape, session, out);
  print_surface(out, flags.json);
}

}  // namespace thalweg

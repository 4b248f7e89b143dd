#include "landscape/map.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>

#include "base/clock.h"
#include "base/console.h"
#include "base/device.h"
#include "base/digest.h"
#include "base/error.h"
#include "landscape/audit.h"
#include "landscape/kept_images.h"
#include "landscape/map_run.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

nlohmann::json describe(const LandscapeConfig& config, const Grid& grid, const PointEvaluator& evaluator,
                        const MapContext& context) {
  nlohmann::json out = to_json(config);
  out["grid"] = fmt::format("{}x{}", grid.x.size(), grid.y.size());
  out["range"] = fmt::format("{}:{},{}:{}", grid.x.front(), grid.x.back(), grid.y.front(), grid.y.back());
  out["train_images"] = out["test_images"] = 0;
  for (const LandscapeSplit& split : evaluator.splits()) out[split.name + "_images"] = split.images.size();
  if (!context.graph.has_batch_norm()) out["bn"] = "none";
  out["device"] = context.device.is_cpu() ? "cpu" : "cuda";
  if (config.budget > 0) out["budget"] = config.budget, out["budget_grid"] = config.budget_grid;
  return out;
}

// w(x, y)|, computed from the inner products of the plane's vectors.
std::vector<double> weight_norms(const Plane& plane, const Grid& grid) {
  const at::Tensor o = plane.origin.to(at::kDouble), a = plane.d1.to(at::kDouble), b = plane.d2.to(at::kDouble);
  const auto dot = [](const at::Tensor& u, const at::Tensor& v) {  // the sum does not depend on the number of threads
    const auto* first = u.const_data_ptr<double>();
    return std::transform_reduce(first, first + u.numel(), v.const_data_ptr<double>(), 0.0);
  };
  const double oo = dot(o, o), oa = dot(o, a), ob = dot(o, b), aa = dot(a, a), ab = dot(a, b), bb = dot(b, b);
  std::vector<double> norms;
  for (const double y : grid.y) {
    for (const double x : grid.x) {
      const double square = oo + 2 * x * oa + 2 * y * ob + x * x * aa + 2 * x * y * ab + y * y * bb;
      norms.push_back(std::sqrt(std::max(square, 0.0)));
    }
  }
  return norms;
}

std::vector<std::string> value_names(const LandscapeConfig& config, const PointEvaluator& evaluator,
                                     std::int64_t num_classes) {
  const std::vector<LandscapeSplit>& splits = evaluator.splits();
  std::vector<std::string> names =
      config.mode() == MapMode::kExact ? exact_names(splits, num_classes) : estimated_names(splits, num_classes);
  if (evaluator.may_fall_back()) names.emplace_back(kFellBack);
  return names;
}

// The losses by split, [ny][nx][N], of a finished exact map that kept them.
std::map<std::string, std::vector<float>> image_losses(const MapRun& run) {
  std::vector<std::int64_t> sizes;
  for (const LandscapeSplit& split : run.evaluator().splits()) sizes.push_back(split.images.size());
  std::map<std::string, std::vector<float>> losses;
  for (const auto& [point, record] : run.journal().points()) {
    const std::vector<KeptImages> kept = from_bytes(record.images, sizes);
    for (std::size_t s = 0; s < kept.size(); ++s) {
      std::vector<float>& all = losses[run.evaluator().splits()[s].name];
      all.insert(all.end(), kept[s].losses.begin(), kept[s].losses.end());
    }
  }
  return losses;
}

// The time between two showings of an unfinished map: seconds or, if showing it takes long, times of a showing.
constexpr double kLongestWait = 60, kShowingsApart = 20;

class Mapping {
 public:
  Mapping(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
          const std::filesystem::path& journal_file)
      : plane_(plane),
        config_(config),
        context_(context),
        journal_file_(journal_file),
        grid_(map_grid(plane, config)),
        evaluator_(evaluator_source(), config, config.precision),
        landscape_(describe(config, grid_, evaluator_, context)) {}

  Surface map() {
    check_image_losses(config_, evaluator_.images_per_point());
    const nlohmann::json identity = {{"plane", digest_},
                                     {"data", context_.data.digest},
                                     {"normalisation", context_.data.normalisation},
                                     {"landscape", landscape_}};
    Journal journal(journal_file_, identity, value_names(config_, evaluator_, context_.graph.num_classes()));
    const std::size_t done_before = journal.points().size();
    if (done_before == 0) check_kernels(evaluator_, source(), config_);
    MapRun run({grid_, config_, evaluator_, journal, context_.graph.num_classes()}, context_.progress);
    run.on_pause([&] { show(run); });
    if (context_.show) run.preview().estimate(source(), run);
    show(run);
    if (done_before == 0) check_checkpoint(source(), config_);
    const Clock::time_point start = Clock::now();
    landscape_.update(map_points(run));
    landscape_["checkpoint"] = checkpoint_note(source(), config_);
    landscape_["evaluation_seconds"] = seconds_since(start);
    if (const nlohmann::json path = evaluator_.path(); !path.is_null()) landscape_["engine"] = path;
    if (config_.precision != at::kFloat) landscape_["audit"] = audit(run);
    landscape_["points_evaluated"] = journal.points().size() - done_before;
    landscape_["seconds"] = seconds_since(start_);
    landscape_["processor"] = device_description(context_.device);
    Surface surface = finished(run);
    if (config_.image_losses) surface.image_losses = image_losses(run);
    return surface;
  }
  bool is_sound() const { return !landscape_.contains("audit") || landscape_.at("audit").at("excess") == ""; }
  const nlohmann::json& landscape() const { return landscape_; }

 private:
  PointEvaluator::Source source() const { return {plane_, context_.graph, context_.data, context_.device}; }

  // SURFACE.h5.journal -> SURFACE.h5.plans.json
  PointEvaluator::Source evaluator_source() const {
    PointEvaluator::Source out = source();
    out.plans = std::filesystem::path(journal_file_).replace_extension(".plans.json");
    out.points = static_cast<double>(grid_.size());
    return out;
  }

  nlohmann::json map_points(MapRun& run) const {
    switch (config_.mode()) {
      case MapMode::kExact:
        return map_exactly(run);
      case MapMode::kSampled:
        return map_by_samples(run);
      case MapMode::kAdaptive:
        return map_adaptively(run);
    }
    fail("unknown way of mapping");
  }

  nlohmann::json audit(MapRun& run) const {
    PointEvaluator reference(source(), config_, at::kFloat);
    nlohmann::json out = audit_precision(run, reference);
    if (landscape_.contains("adaptive")) out["difference_limit"] = landscape_.at("adaptive").at("tolerance");
    for (const LandscapeSplit& split : evaluator_.splits()) {
      if (config_.standard_error > 0) out["difference_limit"][split.name] = config_.standard_error;
    }
    out["excess"] = excess_of(out);
    return out;
  }

  Surface finished(const MapRun& run) const {
    Surface surface = run.surface();
    surface.values["weight_norm"] = norms_;
    surface.path = plane_.path;
    surface.provenance = plane_.provenance;
    surface.provenance["landscape"] = landscape_;
    surface.provenance["plane_digest"] = digest_;
    return surface;
  }

  // Shows the unfinished map soon, and then at growing intervals.
  void show(const MapRun& run) {
    if (!context_.show || seconds_since(shown_) < wait_) return;
    const Clock::time_point start = Clock::now();
    Surface surface = finished(run);
    surface.provenance["landscape"]["unfinished"] = true;
    context_.show(surface);
    wait_ = std::min(2 * wait_, std::max(kLongestWait, kShowingsApart * seconds_since(start)));
    shown_ = Clock::now();
  }

  const Plane& plane_;
  const LandscapeConfig& config_;
  const MapContext& context_;
  std::filesystem::path journal_file_;
  Clock::time_point start_ = Clock::now();
  Grid grid_;
  PointEvaluator evaluator_;
  nlohmann::json landscape_;
  std::string digest_ = plane_digest(plane_);
  std::vector<double> norms_ = weight_norms(plane_, grid_);
  Clock::time_point shown_ = start_;
  double wait_ = context_.show_after;  // seconds until the unfinished map is shown again
};

// Reports that the map is made again, which takes as long as the first pass or longer.
void tell_repeat(const nlohmann::json& audit, const std::filesystem::path& journal) {
  const auto largest = [&](const char* key) {
    double most = 0;
    for (const auto& [split, value] : audit.at(key).items()) most = std::max(most, value.get<double>());
    return most;
  };
  const std::string why =
      audit.at("excess") == "difference"
          ? fmt::format("by up to {:.2g} nats, more than the requested error", largest("largest_difference"))
          : fmt::format("by up to {:.2g} % of the loss, more than the limit of {:.2g} %",
                        100 * largest("largest_deviation"), 100 * audit.at("limit").get<double>());
  say(fmt::format("{}: {} deviates from float32 {}: mapping again in float32", journal.stem().string(),
                  audit.at("precision").get<std::string>(), why));
}

std::filesystem::path float32_journal(const std::filesystem::path& journal) {
  return journal.string() + ".float32";
}

}  // namespace

Grid map_grid(const Plane& plane, const LandscapeConfig& config) {
  return make_grid(parse_grid_size(config.grid),
                   config.range.empty() ? fit_range(fitted_points(plane.path, plane.provenance), config.margin)
                                        : parse_grid_range(config.range));
}

std::string plane_digest(const Plane& plane) {
  return sha256_of_tensors({plane.origin, plane.d1, plane.d2, plane.buffers});
}

Surface map_landscape(const Plane& plane, const LandscapeConfig& asked, const MapContext& context,
                      const std::filesystem::path& journal) {
  const LandscapeConfig config = resolve_precision(asked, context.device);
  nlohmann::json failed_audit;
  {
    Mapping mapping(plane, config, context, journal);
    Surface surface = mapping.map();
    if (mapping.is_sound()) return surface;
    failed_audit = mapping.landscape().at("audit");
  }
  if (context.progress != ProgressMode::kQuiet) tell_repeat(failed_audit, journal);
  LandscapeConfig full = config;
  full.precision = at::kFloat;
  Surface surface = Mapping(plane, full, context, float32_journal(journal)).map();
  failed_audit["made_again_in"] = "float32";
  surface.provenance["landscape"]["audit"] = failed_audit;
  return surface;
}

void remove_journal(const std::filesystem::path& journal) {
  std::filesystem::remove(journal);
  std::filesystem::remove(float32_journal(journal));
}

}  // namespace thalweg

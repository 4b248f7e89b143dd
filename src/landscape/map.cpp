#include "landscape/map.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/device.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/stop.h"
#include "landscape/journal.h"
#include "nn/eager.h"
#include "nn/evaluate.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

struct Split {
  std::string name;
  ImageBatches images;
};

ImageBatches first_images(const ImageSet& set, std::int64_t count, const DataSet& data, c10::Device device,
                          const std::string& what) {
  check(count <= set.size(), "{}: {} images asked for, the split has {}", what, count, set.size());
  const std::int64_t n = count == 0 ? set.size() : count;
  return {set.images.narrow(0, 0, n), set.labels.narrow(0, 0, n), data.normalisation.mean, data.normalisation.std,
          device};
}

void check_plane(const Plane& plane, const Graph& graph) {
  check(plane.origin.numel() == graph.parameters.size() && plane.buffers.numel() == graph.buffers.size(),
        "the plane has {} parameters and {} buffers, {} has {} and {}: it was made for another network",
        plane.origin.numel(), plane.buffers.numel(), graph.name, graph.parameters.size(), graph.buffers.size());
}

class Mapper {
 public:
  Mapper(const Plane& plane, const LandscapeConfig& config, const MapContext& context)
      : config_(config),
        context_(context),
        program_(compile(context.graph)),
        evaluator_(program_, context.device),
        plane_(program_, {plane.origin.to(context.device), plane.d1.to(context.device), plane.d2.to(context.device)}),
        buffers_(plane.buffers.to(context.device)) {
    if (config.train) add_split("train", context.data.train, config.train_images);
    if (config.test) add_split("test", context.data.test, config.test_images);
    if (recompute()) {
      const ImageBatches subset =
          first_images(context.data.train, std::min(config.bn_images, context.data.train.size()), context.data,
                       context.device, "landscape.bn_images");
      bn_images_ = subset.range(0, subset.size());
    }
  }

  std::int64_t images_per_point() const {
    std::int64_t images = 0;
    for (const Split& split : splits_) images += split.images.size();
    return images;
  }
  const std::vector<Split>& splits() const { return splits_; }

  // Calls `done` for each point with loss and accuracy (percent) of each split.
  using PointDone = std::function<void(std::size_t, const std::vector<double>&)>;
  void evaluate(const std::vector<std::pair<double, double>>& points, const PointDone& done) {
    const at::Tensor coordinates = to_tensor(points);
    const auto count = static_cast<std::int64_t>(points.size());
    at::Tensor weights;  // unfolded: only where batch statistics must be taken at the point
    at::Tensor buffers = buffers_;
    if (recompute() || per_batch()) weights = plane_.weights(coordinates);
    if (recompute()) {
      buffers = buffers_.repeat({count, 1});
      for (std::int64_t p = 0; p < count; ++p) {
        estimate_batch_norm(context_.graph, weights[p], buffers[p], bn_images_);
      }
    }
    const at::Tensor folded = plane_.folded(coordinates, buffers);
    for (std::int64_t p = 0; p < count; ++p) {
      evaluator_.load(folded[p]);
      done(static_cast<std::size_t>(p), evaluate_point(weights.defined() ? weights[p] : at::Tensor()));
    }
  }

  // Points materialised at once: on a GPU enough to make one launch worthwhile, without holding more than 256 MB.
  std::size_t batch_size() const {
    if (context_.device.is_cpu()) return 1;
    const std::int64_t bytes = 4 * (program_.folded_size + (recompute() ? context_.graph.parameters.size() : 0));
    return static_cast<std::size_t>(std::clamp<std::int64_t>((256 << 20) / bytes, 1, 16));
  }

 private:
  bool recompute() const { return config_.bn == BnMode::kRecompute && context_.graph.has_batch_norm(); }
  bool per_batch() const { return config_.bn == BnMode::kBatch && context_.graph.has_batch_norm(); }

  void add_split(const std::string& name, const ImageSet& set, std::int64_t count) {
    splits_.push_back(
        {name, first_images(set, count, context_.data, context_.device, "landscape." + name + "_images")});
  }

  at::Tensor to_tensor(const std::vector<std::pair<double, double>>& points) const {
    const at::Tensor out = at::empty({static_cast<std::int64_t>(points.size()), 2}, at::kFloat);
    auto access = out.accessor<float, 2>();
    for (std::size_t p = 0; p < points.size(); ++p) {
      access[static_cast<std::int64_t>(p)][0] = static_cast<float>(points[p].first);
      access[static_cast<std::int64_t>(p)][1] = static_cast<float>(points[p].second);
    }
    return out.to(context_.device);
  }

  std::vector<double> evaluate_point(const at::Tensor& weights) {
    std::vector<double> values;
    for (const Split& split : splits_) {
      const SplitMetrics metrics = to_metrics(sum_losses(split.images, weights), split.images.size());
      values.push_back(metrics.loss);
      values.push_back(100.0 * metrics.accuracy);
    }
    return values;
  }

  LossSums sum_losses(const ImageBatches& images, const at::Tensor& weights) {
    if (!per_batch()) {
      const auto network = [&](const at::Tensor& batch) { return evaluator_.logits(batch); };
      return sum_split_losses(images, network, default_chunk(context_.device));
    }
    const at::NoGradGuard no_grad;
    const std::vector<at::Tensor> parameters = context_.graph.parameters.views(weights);
    const std::vector<at::Tensor> scratch = context_.graph.buffers.views(buffers_.clone());
    const auto network = [&](const at::Tensor& batch) {
      return run_eager(context_.graph, parameters, scratch, batch, NormMode::kEstimate).contiguous();
    };
    return sum_split_losses(images, network, config_.bn_images);
  }

  const LandscapeConfig& config_;
  const MapContext& context_;
  Program program_;
  Evaluator evaluator_;
  PlaneMaterialiser plane_;
  at::Tensor buffers_;    // the plane's, on the device
  at::Tensor bn_images_;  // normalised images whose statistics are taken; recompute only
  std::vector<Split> splits_;
};

nlohmann::json describe(const LandscapeConfig& config, const Grid& grid, const Mapper& mapper,
                        const MapContext& context) {
  nlohmann::json out = to_json(config);
  out["grid"] = fmt::format("{}x{}", grid.x.size(), grid.y.size());
  out["range"] = fmt::format("{}:{},{}:{}", grid.x.front(), grid.x.back(), grid.y.front(), grid.y.back());
  for (const Split& split : mapper.splits()) out[split.name + "_images"] = split.images.size();
  if (!context.graph.has_batch_norm()) out["bn"] = "none";
  out["precision"] = "float32";
  out["device"] = context.device.is_cpu() ? "cpu" : "cuda";
  return out;
}

Surface to_surface(const Grid& grid, const Mapper& mapper, const Journal& journal) {
  Surface surface;
  surface.x = grid.x;
  surface.y = grid.y;
  std::size_t value = 0;
  for (const Split& split : mapper.splits()) {
    for (const char* kind : {"_loss", "_acc"}) {
      std::vector<double>& values = surface.values[split.name + kind];
      for (const auto& [point, results] : journal.points()) values.push_back(results[value]);
      ++value;
    }
  }
  return surface;
}

void map_missing_points(Mapper& mapper, const Grid& grid, Journal& journal, ProgressMode mode) {
  const double images = static_cast<double>(mapper.images_per_point());
  Progress progress("landscape", "img", images * static_cast<double>(grid.size()),
                    images * static_cast<double>(journal.points().size()), mode);
  std::vector<std::size_t> todo;
  for (std::size_t point = 0; point < grid.size(); ++point) {
    if (!journal.has(point)) todo.push_back(point);
  }
  const std::size_t batch = mapper.batch_size();
  for (std::size_t begin = 0; begin < todo.size(); begin += batch) {
    std::vector<std::pair<double, double>> points;
    for (std::size_t i = begin; i < std::min(begin + batch, todo.size()); ++i) {
      points.emplace_back(grid.x[todo[i] % grid.x.size()], grid.y[todo[i] / grid.x.size()]);
    }
    mapper.evaluate(points, [&](std::size_t i, const std::vector<double>& values) {
      journal.append(todo[begin + i], values);
      const std::size_t done = journal.points().size();
      progress.update(images * static_cast<double>(done), fmt::format("{}/{} points", done, grid.size()));
      if (stop_requested() && done < grid.size()) {
        throw Stopped(fmt::format("landscape: stopped after {} of {} points; run the same command again to go on", done,
                                  grid.size()));
      }
    });
  }
  progress.finish(fmt::format("{}/{} points", journal.points().size(), grid.size()));
}

}  // namespace

std::string plane_digest(const Plane& plane) {
  std::string digests;
  for (const at::Tensor& tensor : {plane.origin, plane.d1, plane.d2, plane.buffers}) {
    const at::Tensor bytes = tensor.contiguous();
    digests += sha256_of({static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()});
  }
  return sha256_of(digests);
}

Surface map_landscape(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                      const std::filesystem::path& journal_file) {
  check_plane(plane, context.graph);
  const auto start = std::chrono::steady_clock::now();
  const GridRange range = config.range.empty() ? fit_range(plane.path, config.margin) : parse_grid_range(config.range);
  const Grid grid = make_grid(parse_grid_size(config.grid), range);
  Mapper mapper(plane, config, context);
  nlohmann::json landscape = describe(config, grid, mapper, context);
  const nlohmann::json identity = {{"plane", plane_digest(plane)},
                                   {"data", context.data.digest},
                                   {"normalisation", context.data.normalisation},
                                   {"landscape", landscape}};
  Journal journal(journal_file, identity, 2 * mapper.splits().size());
  const std::size_t done_before = journal.points().size();
  map_missing_points(mapper, grid, journal, context.progress);

  Surface surface = to_surface(grid, mapper, journal);
  surface.path = plane.path;
  surface.provenance = plane.provenance;
  landscape["points_evaluated"] = grid.size() - done_before;
  landscape["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  landscape["processor"] = device_description(context.device);
  surface.provenance["landscape"] = landscape;
  surface.provenance["plane_digest"] = identity["plane"];
  return surface;
}

}  // namespace thalweg

#include "landscape/point_evaluator.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/image_batches.h"

namespace thalweg {
namespace {

// Below this number of image evaluations, evaluating them takes less time than searching for the best batching.
constexpr double kWorthASearch = 2e7;

// Points to prepare at once for an engine: announcing them is cheap, and its lanes run dry after the last one.
constexpr std::size_t kPointsOfEngine = 256;

ImageBatches first_images(const ImageSet& set, std::int64_t count, const Normalisation& norm, c10::Device device,
                          const std::string& what) {
  check(count <= set.size(), "{}: {} images requested, but the split has only {}", what, count, set.size());
  const std::int64_t n = count == 0 ? set.size() : count;
  return on_device({set.images.narrow(0, 0, n), set.labels.narrow(0, 0, n)}, norm, device);
}

std::vector<std::int64_t> labels_of(const ImageBatches& images) {
  const at::Tensor host = images.labels().cpu().contiguous();
  const auto* data = host.const_data_ptr<std::int64_t>();
  return {data, data + host.numel()};
}

const Graph& checked_graph(const PointEvaluator::Source& source) {
  const Plane& plane = source.plane;
  const Graph& graph = source.graph;
  check(plane.origin.numel() == graph.parameters.size() && plane.buffers.numel() == graph.buffers.size(),
        "the plane has {} parameters and {} buffers, but {} has {} and {}: the plane was made for another network",
        plane.origin.numel(), plane.buffers.numel(), graph.name, graph.parameters.size(), graph.buffers.size());
  return graph;
}

bool is_finite(const ImageLosses& images) {
  return std::all_of(images.losses.begin(), images.losses.end(), [](double loss) { return std::isfinite(loss); });
}

}  // namespace

double images_at_point(const LandscapeConfig& config, const PointEvaluator& evaluator) {
  double images = 0;
  for (const LandscapeSplit& split : evaluator.splits()) {
    const std::int64_t all = split.images.size();
    images += static_cast<double>(config.images == 0 ? all : std::min(config.images, all));
  }
  return images;
}

bool takes_engine(at::ScalarType type, c10::Device device) {
  return type == at::kHalf || (type == at::kBFloat16 && device.is_cuda());
}

PointEvaluator::PointEvaluator(const Source& source, const LandscapeConfig& config, at::ScalarType type)
    : device_(source.device), by_engine_(takes_engine(type, source.device)) {
  const Graph& graph = checked_graph(source);
  const DataSet& data = source.data;
  if (config.train) add_split("train", data.train, data.normalisation, config.train_images);
  if (config.test) add_split("test", data.test, data.normalisation, config.test_images);
  const PlaneVectors plane{source.plane.origin.to(device_), source.plane.d1.to(device_), source.plane.d2.to(device_)};
  const at::Tensor buffers = source.plane.buffers.to(device_);
  const auto bn_images = [&](at::ScalarType wanted) {
    if (config.bn != BnMode::kRecompute || !graph.has_batch_norm()) return at::Tensor();
    const ImageBatches subset = first_images(data.train, std::min(config.bn_images, data.train.size()),
                                             data.normalisation, device_, "landscape.bn_images");
    return subset.range(0, subset.size(), wanted);
  };
  const at::ScalarType plain_type = by_engine_ ? at::kFloat : type;
  plain_ = std::make_unique<PlainPoints>(PlainPoints::Source{graph, plane, buffers, bn_images(plain_type), device_,
                                                             plain_type, splits_, by_engine_ ? 0 : source.points},
                                         config);
  if (by_engine_)
    start_engine(source,
                 {graph, plane, buffers, bn_images(type), splits_, device_, type, config.mode() != MapMode::kExact});
}

// If cuDNN does not start, the plain path replaces the engine.
void PointEvaluator::start_engine(const Source& source, const PointEngine::Source& engine) {
  Batching batching = device_.is_cuda() ? Batching{} : Batching{default_chunk(device_), 1};
  if (device_.is_cuda()) {
    try {
      plans_ = std::make_unique<MapConvPlans>(start_plans({.tune = true}), source.plans);
    } catch (const Error& error) {
      if (std::filesystem::exists(source.plans)) throw;  // the file may be at fault, and the message says what to do
      reason_ = error.what();
      return;
    }
    if (plans_->batching()) {
      batching = *plans_->batching();
    } else if (!engine.small_batches && source.points * static_cast<double>(images_per_point()) >= kWorthASearch) {
      batching = search_batching(engine);
    }
    plans_->set_batching(batching);
  }
  engine_ = std::make_unique<PointEngine>(engine, plans_ ? &plans_->conv() : nullptr, batching);
}

void PointEvaluator::add_split(const std::string& name, const ImageSet& set, const Normalisation& norm,
                               std::int64_t count) {
  ImageBatches images = first_images(set, count, norm, device_, "landscape." + name + "_images");
  std::vector<std::int64_t> labels = labels_of(images);
  splits_.push_back({name, std::move(images), std::move(labels)});
}

std::int64_t PointEvaluator::images_per_point() const {
  std::int64_t images = 0;
  for (const LandscapeSplit& split : splits_) images += split.images.size();
  return images;
}

std::size_t PointEvaluator::points_at_once() const {
  return engine_ ? kPointsOfEngine : plain_->points_at_once();
}

void PointEvaluator::prepare(const std::vector<PlaneCoordinates>& points, bool ahead) {
  points_ = points;
  engine_ ? engine_->expect(points, ahead) : plain_->prepare(points);
}

void PointEvaluator::use(std::size_t point) {
  used_ = point;
  fell_back_ = false;
  if (!engine_) plain_->use(point);
}

std::size_t PointEvaluator::number_of(const LandscapeSplit& split) const {
  const auto found = std::ranges::find(splits_, split.name, &LandscapeSplit::name);
  check(found != splits_.end(), "split '{}' is not evaluated", split.name);
  return static_cast<std::size_t>(found - splits_.begin());
}

template <typename Engine, typename Plain>
ImageLosses PointEvaluator::evaluate_by(const Engine& by_engine, const Plain& plainly) {
  if (!engine_) return plainly();
  if (!fell_back_) {
    PointValues values = by_engine();
    if (plans_) {
      plans_->set_batching(engine_->batching());
      plans_->save();  // before any result computed with them is saved
    }
    if (!values.overflowed && is_finite(values.images)) return std::move(values.images);
    fell_back_ = true;
    plain_->prepare({points_.at(used_)});
    plain_->use(0);
  }
  return plainly();
}

ImageLosses PointEvaluator::evaluate(const LandscapeSplit& split) {
  return evaluate_by([&] { return engine_->all(used_, number_of(split)); }, [&] { return plain_->evaluate(split); });
}

ImageLosses PointEvaluator::evaluate(const LandscapeSplit& split, const std::vector<std::int64_t>& images) {
  if (images.empty()) return {};
  return evaluate_by([&] { return engine_->some(used_, number_of(split), images); },
                     [&] { return plain_->evaluate(split, images); });
}

at::Tensor PointEvaluator::buffers() const {
  return engine_ && !fell_back_ ? engine_->buffers(used_) : plain_->buffers();
}

nlohmann::json PointEvaluator::path() const {
  if (!engine_) return reason_.empty() ? nlohmann::json() : nlohmann::json{{"path", "plain"}, {"reason", reason_}};
  nlohmann::json path = {{"path", device_.is_cuda() ? "graphs" : "twin"},
                         {"chunk", engine_->batching().chunk},
                         {"lanes", engine_->batching().lanes}};
  if (plans_) path["plans"] = plans_->conv().num_chosen();
  if (plans_ && !plans_->note().empty()) path["plans_from"] = plans_->note();
  if (!engine_->refusal().empty()) path["without_plan"] = engine_->refusal();
  return path;
}

}  // namespace thalweg

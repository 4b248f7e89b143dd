// An adaptive map: exact on nodes, elsewhere estimated, certified.
//
// At a point between nodes the loss of image i is guessed by interpolation, g_i = sum_k c_k l_ki with bicubic weights
// over exact nodes k. Its mean over all images is known, sum_k c_k L_k, and the mean of what the guess lacks, l_i -
// g_i, comes from a sample: the guess is a control variate, and the estimate is unbiased whatever its error. The sample
// grows until an empirical Bernstein bound (sampling.h) is below the tolerance; where half of the images of a
// split do not suffice, all of them are taken. The bound's chance to fail is shared out over the looks, 6 / (pi (k +
// 1))^2 to look k, so that stopping early does not weaken it.
//
// How far apart the nodes lie is decided by the cost that some pilot points let expect.
//
// The certificate: kAudited estimated points, drawn at random, are estimated again by samples of their own, four times
// as large. If none is farther from the map than the tolerance, at most 5 % of the points are with 95 % confidence
// (0.95^59 = 0.048). If one is, all are estimated anew with half the tolerance, at most kPasses times in all.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/rng.h"
#include "landscape/map_run.h"
#include "landscape/node_grid.h"
#include "landscape/sampling.h"
#include "landscape/split_estimate.h"

namespace thalweg {
namespace {

constexpr double kFailure = 0.05;
constexpr std::int64_t kFirstLook = 96;  // each further look takes half as many more
constexpr std::size_t kAudited = 59;
constexpr std::size_t kPilots = 12;
constexpr std::int64_t kPilotImages = 256;
constexpr int kPasses = 3;
// By how much twice as many nodes a side shrink what the guess lacks; measured on trajectory planes: 3 to 5.
constexpr double kGainOfHalving = 3.5;

double share_of_look(int look) {
  return 6 / (M_PI * M_PI * (look + 1) * (look + 1));
}

enum Purpose : std::uint32_t { kForPoint = 0, kForAudit = 1, kForPilot = 2, kForChoice = 3 };

class AdaptiveMap {
 public:
  explicit AdaptiveMap(MapRun& run) : run_(run), nodes_(run.grid()) {
    for (const LandscapeSplit& split : run.evaluator().splits()) sizes_.push_back(split.images.size());
  }

  nlohmann::json map() {
    choose_nodes();
    int pass = recorded_pass();
    for (;; ++pass) {
      estimate_points(pass);
      audit(pass);
      if (violations_ == 0 || pass + 1 == kPasses) break;
    }
    run_.on_gaps({});  // there are none left, and this object goes
    return certificate(pass);
  }

 private:
  const Grid& grid() const { return run_.grid(); }
  std::size_t num_splits() const { return sizes_.size(); }
  const LandscapeSplit& split(std::size_t s) const { return run_.evaluator().splits()[s]; }

  // --- nodes ---

  void choose_nodes() {
    evaluate_nodes(nodes_.coarsest());
    while (std::max(nodes_.spacing().x, nodes_.spacing().y) > 1 && finer_is_cheaper())
      evaluate_nodes(nodes_.spacing().half());
  }

  void evaluate_nodes(NodeGrid::Spacing spacing) {
    const std::vector<std::size_t> points = nodes_.points(spacing);
    run_.evaluate_points("landscape: nodes", points, [&](std::size_t) { return exact_point(run_.evaluator()); });
    for (const std::size_t point : points) {
      if (nodes_.has(point)) continue;
      const Journal::Point& record = run_.journal().points().at(point);
      GridNode node{from_bytes(record.images, sizes_), {}};
      for (std::size_t s = 0; s < num_splits(); ++s) {
        node.means.push_back(
            {record.values[run_.value(split(s).name + "_loss")], record.values[run_.value(split(s).name + "_acc")]});
      }
      nodes_.add(point, std::move(node));
    }
    nodes_.set_spacing(spacing);
    set_tolerances();
    run_.on_gaps([this](Surface& surface) { fill(surface); });
  }

  void set_tolerances() {
    const Tolerance tolerance = parse_tolerance(run_.config().tolerance);
    tolerances_.assign(num_splits(), tolerance.value);
    if (!tolerance.relative) return;
    for (std::size_t s = 0; s < num_splits(); ++s) {
      double low = INFINITY, high = -INFINITY;
      for (const auto& [point, node] : nodes_.all()) {
        const double loss = node.means[s].loss;
        if (!std::isfinite(loss)) continue;
        low = std::min(low, loss);
        high = std::max(high, loss);
      }
      tolerances_[s] *= high > low ? high - low : 1;
    }
  }

  // Interpolated values of the points that are not there yet.
  void fill(Surface& surface) const {
    for (std::size_t point = 0; point < grid().size(); ++point) {
      if (run_.journal().has(point)) continue;
      surface.values["cell"][point] = static_cast<double>(Cell::kInterpolated);
      const Neighbours around = nodes_.around(point);
      for (std::size_t s = 0; s < num_splits(); ++s) {
        const NodeMeans between = interpolate(around, s);
        surface.values[split(s).name + "_loss"][point] = between.loss;
        surface.values[split(s).name + "_acc"][point] = between.accuracy;
      }
    }
  }

  // --- one point ---

  struct Drawn {
    std::vector<double> losses, right;  // what the guess lacks; right in percent
  };

  void draw(StratifiedSample& sample, std::int64_t n, const Neighbours& around, std::size_t s, Drawn& drawn) const {
    const std::vector<std::int64_t> images = sample.grow(n);
    const ImageLosses values = run_.evaluator().evaluate(split(s), images);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      double loss = 0, right = 0;
      for (const auto& [node, weight] : around) {
        loss += weight * static_cast<double>(node->splits[s].losses[image]);
        right += weight * node->splits[s].correct[image];
      }
      drawn.losses.push_back(values.losses[i] - loss);
      drawn.right.push_back(100 * (values.correct[i] - right));
    }
  }

  static SplitEstimate finish(const StratifiedSample& sample, const NodeMeans& guess, const Drawn& drawn) {
    SplitEstimate out{estimate_mean(sample, drawn.losses), estimate_mean(sample, drawn.right),
                      static_cast<std::int64_t>(sample.images().size())};
    out.loss.mean += guess.loss;
    out.accuracy.mean += guess.accuracy;
    return out;
  }

  StratifiedSample sample_of(std::size_t point, std::size_t s, Purpose purpose, int pass) const {
    const auto which = 1 + static_cast<std::uint32_t>(s) + 2 * static_cast<std::uint32_t>(purpose) +
                       8 * static_cast<std::uint32_t>(pass);
    return {one_stratum(sizes_[s]),
            {1.0},
            {static_cast<std::uint64_t>(run_.config().seed), static_cast<std::uint32_t>(point), which}};
  }

  // Nothing where half of the images do not bring it within the tolerance.
  std::optional<SplitEstimate> estimate(std::size_t point, std::size_t s, const Neighbours& around, double tolerance,
                                        int pass) const {
    const NodeMeans guessed = interpolate(around, s);
    if (!std::isfinite(guessed.loss)) return std::nullopt;  // as a node is
    StratifiedSample sample = sample_of(point, s, kForPoint, pass);
    Drawn drawn;
    int look = 0;
    for (std::int64_t n = kFirstLook; n <= sizes_[s] / 2; n += n / 2, ++look) {
      draw(sample, n, around, s, drawn);
      const double bound = bernstein_half_width(drawn.losses, sizes_[s], kFailure * share_of_look(look));
      if (bound <= tolerance) return finish(sample, guessed, drawn);
      if (!std::isfinite(bound)) break;
    }
    return std::nullopt;
  }

  // --- how far apart the nodes lie ---

  std::vector<std::size_t> between_nodes() const {
    std::vector<std::size_t> points = run_.all_points();
    std::erase_if(points, [&](std::size_t point) { return nodes_.has(point); });
    return points;
  }

  std::vector<std::size_t> choose(std::vector<std::size_t> from, std::size_t count, Purpose purpose, int pass) const {
    Philox random(static_cast<std::uint64_t>(run_.config().seed), Stream::kSample, static_cast<std::uint32_t>(pass),
                  0x80000000u + static_cast<std::uint32_t>(purpose));
    count = std::min(count, from.size());
    for (std::size_t k = 0; k < count; ++k) {
      std::swap(from[k], from[k + random.below(static_cast<std::uint32_t>(from.size() - k))]);
    }
    from.resize(count);
    return from;
  }

  // Images that a point would take, at this spacing and at half of it.
  std::array<double, 2> images_wanted(std::size_t point) const {
    std::array<double, 2> wanted = {0, 0};
    const Neighbours around = nodes_.around(point);
    for (std::size_t s = 0; s < num_splits(); ++s) {
      const auto all = static_cast<double>(sizes_[s]);
      if (!std::isfinite(interpolate(around, s).loss)) return {all, all};
      StratifiedSample sample = sample_of(point, s, kForPilot, 0);
      Drawn drawn;
      draw(sample, std::min(kPilotImages, sizes_[s]), around, s, drawn);
      const double bound = bernstein_half_width(drawn.losses, sizes_[s], kFailure / 6);
      for (std::size_t k = 0; k < 2; ++k) {
        // The bound shrinks with the number of images, between its square root and itself.
        const double ratio = bound / (k == 0 ? 1 : kGainOfHalving) / tolerances_[s];
        const double images = std::max(static_cast<double>(kFirstLook), static_cast<double>(sample.images().size()) *
                                                                            std::pow(ratio, ratio > 1 ? 1.4 : 1.0));
        wanted[k] += std::isfinite(images) && images <= all / 2 ? images : all;
      }
    }
    return wanted;
  }

  bool finer_is_cheaper() {
    const std::vector<std::size_t> rest = between_nodes();
    std::array<double, 2> images = {0, 0};
    std::size_t pilots = 0;
    run_.visit_points(choose(rest, kPilots, kForPilot, static_cast<int>(nodes_.spacing().x)), [&](std::size_t point) {
      const std::array<double, 2> wanted = images_wanted(point);
      images[0] += wanted[0];
      images[1] += wanted[1];
      ++pilots;
    });
    if (pilots == 0) return false;
    const auto all = static_cast<double>(run_.evaluator().images_per_point());
    const std::size_t finer = nodes_.points(nodes_.spacing().half()).size();
    const auto cost = [&](std::size_t nodes, double wanted) {
      return static_cast<double>(nodes) * all +
             static_cast<double>(grid().size() - nodes) * wanted / static_cast<double>(pilots);
    };
    return cost(finer, images[1]) < cost(nodes_.all().size(), images[0]);
  }

  // --- all points ---

  static int pass_of(const Journal::Point& point) { return point.images.size() == 1 ? point.images[0] : 0; }
  int recorded_pass() const {
    int pass = 0;
    for (const auto& [point, record] : run_.journal().points()) {
      if (!nodes_.has(point)) pass = std::max(pass, pass_of(record));
    }
    return pass;
  }

  // The coarsest first, so that a map in the making gets better everywhere.
  void sort_by_coarseness(std::vector<std::size_t>& points) const {
    const auto level = [&](std::size_t point) {
      const std::size_t i = point % grid().x.size(), j = point / grid().x.size();
      return (i | j) & (~(i | j) + 1);  // the largest power of two that divides both
    };
    std::stable_sort(points.begin(), points.end(), [&](std::size_t a, std::size_t b) { return level(a) > level(b); });
  }

  void estimate_points(int pass) {
    std::vector<std::size_t> points = between_nodes();
    sort_by_coarseness(points);
    if (pass > 0) {
      std::erase_if(points, [&](std::size_t point) {
        const Journal::Point& record = run_.journal().points().at(point);
        return record.values[0] == static_cast<double>(Cell::kExact) || pass_of(record) >= pass;
      });
    }
    const auto work = [&](std::size_t point) { return estimate_point(point, pass); };
    pass == 0 ? run_.evaluate_points("landscape", points, work)
              : run_.evaluate_points_again(fmt::format("landscape: pass {}", pass + 1), points, work);
  }

  Journal::Point estimate_point(std::size_t point, int pass) const {
    const Neighbours around = nodes_.around(point);
    Journal::Point record{{static_cast<double>(Cell::kExact)}, std::string(1, static_cast<char>(pass))};
    for (std::size_t s = 0; s < num_splits(); ++s) {
      const std::optional<SplitEstimate> value = estimate(point, s, around, tolerances_[s] / (1 << pass), pass);
      if (value) record.values[0] = static_cast<double>(Cell::kEstimated);
      append(record, value ? *value : exact_value(run_.evaluator().evaluate(split(s))));
    }
    return record;
  }

  // --- the certificate ---

  std::vector<std::size_t> estimated_points() const {
    std::vector<std::size_t> points;
    for (const auto& [point, record] : run_.journal().points()) {
      if (record.values[0] == static_cast<double>(Cell::kEstimated)) points.push_back(point);
    }
    return points;
  }

  void audit(int pass) {
    const std::vector<std::size_t> points = choose(estimated_points(), kAudited, kForChoice, pass);
    deviations_.assign(num_splits(), 0);
    violations_ = 0;
    audited_ = points.size();
    run_.visit_points(points, [&](std::size_t point) {
      const Journal::Point& record = run_.journal().points().at(point);
      const Neighbours around = nodes_.around(point);
      bool violated = false;
      for (std::size_t s = 0; s < num_splits(); ++s) {
        const auto images = static_cast<std::int64_t>(record.values[run_.value(split(s).name + "_images")]);
        if (images == sizes_[s]) continue;  // this split is exact
        StratifiedSample sample = sample_of(point, s, kForAudit, pass);
        Drawn drawn;
        draw(sample, std::min(sizes_[s], 4 * images), around, s, drawn);
        const double loss = finish(sample, interpolate(around, s), drawn).loss.mean;
        const double deviation = std::abs(loss - record.values[run_.value(split(s).name + "_loss")]);
        deviations_[s] = std::max(deviations_[s], deviation);
        violated = violated || !(deviation <= tolerances_[s]);
        audit_images_ += static_cast<double>(sample.images().size());
      }
      violations_ += violated;
    });
  }

  nlohmann::json certificate(int pass) const {
    nlohmann::json out = {{"spacing", {nodes_.spacing().x, nodes_.spacing().y}},
                          {"nodes", nodes_.all().size()},
                          {"estimated_points", estimated_points().size()},
                          {"confidence", 1 - kFailure},
                          {"audited", audited_},
                          {"violations", violations_},
                          {"certified", violations_ == 0},
                          {"passes", pass + 1}};
    double images = audit_images_;
    for (const auto& [point, record] : run_.journal().points()) {
      for (std::size_t s = 0; s < num_splits(); ++s) images += record.values[run_.value(split(s).name + "_images")];
    }
    out["image_evaluations"] = images;
    out["image_evaluations_of_an_exact_map"] =
        static_cast<double>(run_.evaluator().images_per_point()) * static_cast<double>(grid().size());
    for (std::size_t s = 0; s < num_splits(); ++s) {
      out["tolerance"][split(s).name] = tolerances_[s];
      out["largest_deviation"][split(s).name] = deviations_[s];
    }
    return {{"adaptive", out}};
  }

  MapRun& run_;
  NodeGrid nodes_;
  std::vector<std::int64_t> sizes_;  // images, by split
  std::vector<double> tolerances_;   // nats, by split
  std::vector<double> deviations_;   // largest of the audit, by split
  std::size_t violations_ = 0;
  std::size_t audited_ = 0;
  double audit_images_ = 0;
};

}  // namespace

nlohmann::json map_adaptively(MapRun& run) {
  return AdaptiveMap(run).map();
}

}  // namespace thalweg

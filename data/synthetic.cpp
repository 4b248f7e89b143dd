#include "data/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/rng.h"

namespace thalweg {
namespace {

constexpr int kSide = 32;
constexpr int kPixels = kSide * kSide;
constexpr int kClasses = 10;
constexpr std::int64_t kImageBytes = 3 * kPixels;

using Colour = std::array<double, 3>;  // 0 to 255
using Canvas = std::array<Colour, kPixels>;

enum Figure { kFlat, kUpright, kDiagonal, kCheckers, kDots, kDisc, kRing, kSquare, kCross, kTriangle };

double between(Philox& random, double low, double high) {
  return low + (high - low) * random.uniform();
}

Colour random_colour(Philox& random, double low, double high) {
  Colour colour;
  for (double& c : colour) c = between(random, low, high);
  return colour;
}

// The colour hints at the class without determining it: the random spread is as wide as the palette.
Colour figure_colour(Philox& random, int figure) {
  constexpr Colour kPalette[kClasses] = {{210, 140, 140}, {140, 210, 140}, {140, 140, 210}, {210, 210, 140},
                                         {210, 140, 210}, {140, 210, 210}, {230, 170, 110}, {110, 230, 170},
                                         {170, 110, 230}, {200, 200, 200}};
  Colour colour = kPalette[figure];
  for (double& c : colour) c = std::clamp(c + between(random, -80, 80), 0.0, 255.0);
  return colour;
}

// Coverage of a pixel with its centre `distance` pixels outside an edge (negative: inside).
double edge(double distance) {
  return std::clamp(0.5 - distance, 0.0, 1.0);
}

// Distance to the nearest of a family of parallel lines spaced `period` apart, in [0, period / 2].
double line_distance(double x, double period) {
  const double t = x / period;
  return std::abs(t - std::floor(t) - 0.5) * period;
}

struct Placement {
  Figure figure;
  double x, y;      // centre, pixels
  double cos, sin;  // rotation
  double radius;    // pixels
  double period;    // of stripes, checkers, dots; pixels
};

// The rotation whose half-angle has tangent t: exact arithmetic, unlike sin and cos.
void set_rotation(Placement& place, double t) {
  place.cos = (1 - t * t) / (1 + t * t);
  place.sin = 2 * t / (1 + t * t);
}

Placement random_placement(Philox& random, Figure figure, double min_radius, double max_radius) {
  Placement place{};
  place.figure = figure;
  place.radius = between(random, min_radius, max_radius);
  place.x = between(random, 10, kSide - 10);
  place.y = between(random, 10, kSide - 10);
  place.period = between(random, 4, 7);
  // Stripes stay within about 17 degrees of their orientation (0.15 is the tangent of half of that), so that the
  // classes do not overlap; other figures rotate freely.
  constexpr double kEighthTurn = 0.41421356237309503;  // tan(22.5 degrees)
  const double jitter = between(random, -0.15, 0.15);
  const double side = random.below(2) == 0 ? 1 : -1;
  switch (figure) {
    case kFlat:
      set_rotation(place, jitter);
      break;
    case kUpright:
      set_rotation(place, 1 + 2 * jitter);
      break;
    case kDiagonal:
      set_rotation(place, side * (kEighthTurn + jitter));
      break;
    default:
      set_rotation(place, between(random, -1, 1));
      break;
  }
  return place;
}

// How much of the pixel at (px, py) the figure covers, 0 to 1.
double coverage(const Placement& place, double px, double py) {
  const double dx = px - place.x;
  const double dy = py - place.y;
  const double u = place.cos * dx + place.sin * dy;
  const double v = -place.sin * dx + place.cos * dy;
  const double r = place.radius;
  const double away = std::sqrt(dx * dx + dy * dy);
  const double window = edge(away - r);
  if (window == 0) return 0;
  const double quarter = place.period / 4;
  switch (place.figure) {
    case kFlat:
    case kUpright:
    case kDiagonal:
      return window * edge(line_distance(v, place.period) - quarter);
    case kCheckers: {
      const double a = edge(line_distance(u, place.period) - quarter);
      const double b = edge(line_distance(v, place.period) - quarter);
      return window * (a * b + (1 - a) * (1 - b));
    }
    case kDots: {
      const double a = line_distance(u, place.period);
      const double b = line_distance(v, place.period);
      return window * edge(std::sqrt(a * a + b * b) - 0.32 * place.period);
    }
    case kDisc:
      return edge(away - 0.8 * r);
    case kRing:
      return edge(std::abs(away - 0.75 * r) - 0.2 * r);
    case kSquare:
      return edge(std::max(std::abs(u), std::abs(v)) - 0.7 * r);
    case kCross:
      return window * edge(std::min(std::abs(u), std::abs(v)) - 0.25 * r);
    case kTriangle: {
      constexpr double kHalfRoot3 = 0.86602540378443865;
      return edge(std::max(v, kHalfRoot3 * std::abs(u) - 0.5 * v) - 0.5 * r);
    }
  }
  return 0;
}

void blend(Colour& pixel, const Colour& colour, double weight) {
  for (int c = 0; c < 3; ++c) pixel[c] += weight * (colour[c] - pixel[c]);
}

void paint(Canvas& canvas, const Placement& place, const Colour& colour, double opacity) {
  // Figures stay within their radius, so only that part of the canvas is visited.
  const auto first = [&](double centre) { return std::max(0, static_cast<int>(centre - place.radius - 1)); };
  const auto last = [&](double centre) { return std::min(kSide - 1, static_cast<int>(centre + place.radius + 1)); };
  for (int y = first(place.y); y <= last(place.y); ++y) {
    for (int x = first(place.x); x <= last(place.x); ++x) {
      blend(canvas[y * kSide + x], colour, opacity * coverage(place, x, y));
    }
  }
}

// Paints a gradient from one colour to another in a random direction.
void paint_background(Canvas& canvas, Philox& random, const Colour& from, const Colour& to) {
  const double gx = between(random, -1, 1) / kSide;
  const double gy = between(random, -1, 1) / kSide;
  for (int i = 0; i < kPixels; ++i) {
    canvas[i] = from;
    blend(canvas[i], to, std::clamp(0.5 + gx * (i % kSide - 15.5) + gy * (i / kSide - 15.5), 0.0, 1.0));
  }
}

void paint_occluder(Canvas& canvas, Philox& random) {
  const Colour colour = random_colour(random, 20, 235);
  const int width = 4 + static_cast<int>(random.below(8));
  const int height = 4 + static_cast<int>(random.below(8));
  const int left = static_cast<int>(random.below(static_cast<std::uint32_t>(kSide - width)));
  const int top = static_cast<int>(random.below(static_cast<std::uint32_t>(kSide - height)));
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) canvas[y * kSide + x] = colour;
  }
}

// Adds noise with standard deviation `sigma` and writes the pixels channel by channel. The sum of the four bytes of a
// random word is close enough to a normal distribution, and exact.
void write_noisy(const Canvas& canvas, Philox& random, double sigma, std::uint8_t* pixels) {
  constexpr double kByteSumMean = 510.0;
  constexpr double kByteSumDeviation = 147.8;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < kPixels; ++i) {
      const std::uint32_t word = random.next();
      const std::uint32_t sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
      const double value = canvas[i][c] + sigma * (sum - kByteSumMean) / kByteSumDeviation;
      *pixels++ = static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
    }
  }
}

void draw_image(Philox& random, int figure, std::uint8_t* pixels) {
  Canvas canvas;
  const Colour ground = random_colour(random, 30, 170);
  paint_background(canvas, random, ground, random_colour(random, 30, 170));
  const auto other = (figure + 1 + static_cast<int>(random.below(kClasses - 1))) % kClasses;
  const Placement distractor = random_placement(random, static_cast<Figure>(other), 4, 7);
  paint(canvas, distractor, random_colour(random, 30, 225), between(random, 0.3, 0.7));
  const Placement place = random_placement(random, static_cast<Figure>(figure), 8, 12);
  paint(canvas, place, figure_colour(random, figure), between(random, 0.6, 1));
  for (std::uint32_t i = random.below(4); i > 0; --i) paint_occluder(canvas, random);
  write_noisy(canvas, random, between(random, 6, 28), pixels);
}

ImageSet make_split(std::uint64_t seed, std::uint32_t split, std::int64_t count, double wrong_labels) {
  ImageSet set{at::empty({count, 3, kSide, kSide}, at::kByte), at::empty({count}, at::kLong)};
  auto* pixels = set.images.data_ptr<std::uint8_t>();
  auto* labels = set.labels.data_ptr<std::int64_t>();
  at::parallel_for(0, count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      Philox random(seed, RngPurpose::kSynthetic, split, static_cast<std::uint32_t>(i));
      const int figure = static_cast<int>(i % kClasses);
      const bool wrong = random.uniform() < wrong_labels;
      const std::int64_t shift = 1 + random.below(kClasses - 1);
      labels[i] = wrong ? (figure + shift) % kClasses : figure;
      draw_image(random, figure, pixels + i * kImageBytes);
    }
  });
  return set;
}

std::int64_t size_of(const char* key, std::int64_t wanted, std::int64_t fallback, std::int64_t max) {
  if (wanted < 0 || wanted > max) {
    fail_usage("data.{} is {}, but the synthetic set has at most {} such images; 0 takes {}", key, wanted, max,
               fallback);
  }
  return wanted == 0 ? fallback : wanted;
}

}  // namespace

DataSet make_synthetic(const DataConfig& config) {
  const auto num_train = size_of("train_images", config.train_images, kSyntheticTrainDefault, kSyntheticTrainMax);
  const auto num_test = size_of("test_images", config.test_images, kSyntheticTestDefault, kSyntheticTestMax);
  DataSet set;
  set.config = config;
  set.train = make_split(config.seed, 0, num_train, kSyntheticWrongLabels);
  set.test = make_split(config.seed, 1, num_test, 0.0);
  set.normalisation = {{0.432, 0.435, 0.434}, {0.177, 0.180, 0.179}};  // as measured on seed 0
  set.class_names = {"flat stripes", "upright stripes", "diagonal stripes", "checkers", "dots", "disc", "ring",
                     "square",       "cross",           "triangle"};
  return set;
}

}  // namespace thalweg

// The values that a map can show, under human-readable names, each with its panels, unit and colours.
#pragma once

#include <string>
#include <vector>

#include "landscape/surface.h"
#include "report/levels.h"

namespace thalweg {

enum class Shade {
  kLowIsLight,   // losses: the valley is light
  kHighIsLight,  // accuracies: the plateau of good ones is light
  kDiverging     // differences: white at 0
};

struct MapPanel {
  std::string key;    // "train_loss"; in a stack "train_class_loss/3"
  std::string split;  // "train", "test", or empty if the value belongs to neither
  std::string title;  // "Train loss"
  std::vector<double> values;
};

struct MapValue {
  std::string name;   // "Loss", "Loss of cat"
  std::string group;  // "" for values over all images, else the kind of part: "Loss of a class"
  std::string unit;   // "nats", "%", or empty
  Shade shade = Shade::kLowIsLight;
  std::vector<MapPanel> panels;  // train before test
};

// Returns the values in the order in which they are offered: losses and accuracies first, classes last. `max_numbers`
// limits the total of their numbers: losses and accuracies are always included, any other value only if it still fits.
// `left_out` receives the number of values that did not fit.
std::vector<MapValue> map_values(const Surface& surface, std::size_t max_numbers, std::size_t* left_out);

// "test loss", or the "test_loss_name" of the surface's provenance.
std::string test_loss_name(const Surface& surface);

// The common scale of all panels of a value.
LevelScale scale_of(const MapValue& value, std::size_t max_levels);

}  // namespace thalweg

// What a map can show: its values under names that people read, each with the panels, the unit and the colours it
// takes.
#pragma once

#include <string>
#include <vector>

#include "landscape/surface.h"
#include "report/levels.h"

namespace thalweg {

enum class Shade {
  kLowIsLight,   // losses: the valley is light
  kHighIsLight,  // accuracies: so is the plateau of the good ones
  kDiverging     // differences: white at 0
};

struct MapPanel {
  std::string key;    // "train_loss"; "train_class_loss/3" of a stack
  std::string split;  // "train", "test", or empty where a value belongs to neither
  std::string title;  // "Train loss"
  std::vector<double> values;
};

struct MapValue {
  std::string name;   // "Loss", "Loss of cat"
  std::string group;  // "" for those of all images, else what kind of part: "Loss of a class"
  std::string unit;   // "nats", "%", or empty
  Shade shade = Shade::kLowIsLight;
  std::vector<MapPanel> panels;  // train before test
};

// In the order in which they are offered: losses and accuracies first, classes last. `max_numbers` bounds how many
// numbers they hold together: losses and accuracies always come, then each further value as long as it fits.
// `left_out` counts those that did not.
std::vector<MapValue> map_values(const Surface& surface, std::size_t max_numbers, std::size_t* left_out);

// "test loss", or what "test_loss_name" in the surface's provenance calls it.
std::string test_loss_name(const Surface& surface);

// One scale for all panels of a value.
LevelScale scale_of(const MapValue& value, std::size_t max_levels);

}  // namespace thalweg

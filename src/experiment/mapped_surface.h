// The map of a plane as a file of an experiment: made where it is not there, or not what is asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "landscape/map.h"
#include "trajectory/plane.h"

namespace thalweg {

// For an error of a file that the program made and would make again.
std::string remove_advice(const std::filesystem::path& file);

// Maps a plane and writes `out` (HDF5) with a CSV beside it; the journal `out`.journal goes when both are written.
// A map in the making is shown now and then in a file of its own, surface.unfinished.h5 of surface.h5, which goes then
// too: what was there before stays until the new map is whole. `shown` is called after either is written, and
// may fail. context.show is not used.
void write_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                          const std::filesystem::path& out, const std::function<void()>& shown = {});
// The same unless `out` is there, of this plane and these settings.
void update_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                           const std::filesystem::path& out, const std::function<void()>& shown = {});

}  // namespace thalweg

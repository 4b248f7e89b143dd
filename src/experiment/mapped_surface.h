// The map of a plane as a file of an experiment, made if the file is missing or does not match the request.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "landscape/map.h"
#include "trajectory/plane.h"

namespace thalweg {

// Advice for errors about a file that the program made and can make again.
std::string remove_advice(const std::filesystem::path& file);

// Maps a plane and writes `out` (HDF5, .h5) and a CSV file beside it (landscape/surface_files.h). The journal is
// removed once both are written. From time to time the unfinished map is written to a file of its own, which is removed
// at the end too, so an existing `out` is only replaced by a complete map. `shown` is called after each write of either
// file, with what was written; exceptions from it do not stop the map. context.show is ignored.
void write_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                          const std::filesystem::path& out, const std::function<void(const Surface&)>& shown = {});
// The same, unless `out` already holds the map of this plane with these settings.
void update_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                           const std::filesystem::path& out, const std::function<void(const Surface&)>& shown = {});

}  // namespace thalweg

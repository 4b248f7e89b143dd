#include "experiment/mapped_surface.h"

#include <utility>

#include "base/console.h"
#include "experiment/session.h"
#include "io/config_reader.h"
#include "io/posix_file.h"
#include "landscape/surface_files.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// The request that a surface was made for.
nlohmann::json request_of(const Surface& surface) {
  return resolve_key(surface.provenance.value("request", nlohmann::json()), "landscape",
                     [](const ConfigReader& reader) { return to_json(read_landscape_config(reader)); });
}

}  // namespace

std::string remove_advice(const fs::path& file) {
  return fmt::format("remove {} and run again to rebuild it", file.string());
}

void write_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                          const fs::path& out, const std::function<void(const Surface&)>& shown) {
  const SurfaceFiles files = files_beside(out);
  create_folders(folder_of(out));
  bool reported = false;
  // A preview or report that cannot be written does not stop the map; the first error is reported.
  const auto attempt = [&](const std::function<void()>& show) {
    try {
      show();
    } catch (const std::exception& error) {
      if (!std::exchange(reported, true)) say(fmt::format("the unfinished map cannot be shown: {}", error.what()));
    }
  };
  MapContext shown_context = context;
  shown_context.show = [&](const Surface& unfinished) {
    attempt([&] {
      write_surface_hdf5(files.unfinished, unfinished);
      if (shown) shown(unfinished);
    });
  };
  Surface surface = map_landscape(plane, config, shown_context, files.journal);
  surface.provenance["request"] = {{"landscape", to_json(config)}, {"plane", surface.provenance["plane_digest"]}};
  surface.provenance["made_by"] = make_provenance(context.device);
  write_surface_csv(files.table, surface);
  write_surface_hdf5(out, surface);
  remove_journal(files.journal);
  fs::remove(files.unfinished);
  reported = true;  // whoever shows the whole map last reports what is wrong
  if (shown) attempt([&] { shown(surface); });
}

void update_mapped_surface(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                           const fs::path& out, const std::function<void(const Surface&)>& shown) {
  if (fs::exists(out)) {
    const nlohmann::json asked = {{"landscape", to_json(config)}, {"plane", plane_digest(plane)}};
    const Surface there = with_advice(remove_advice(out), [&] { return read_surface_hdf5(out); });
    if (request_of(there) == asked) {
      // Left by an abandoned map with other settings.
      const SurfaceFiles files = files_beside(out);
      fs::remove(files.unfinished);
      if (fs::exists(files.journal))
        say(fmt::format("{}: the unfinished map with other settings beside it is discarded", out.string()));
      remove_journal(files.journal);
      if (!fs::exists(files.table)) write_surface_csv(files.table, there);
      return;
    }
  }
  write_mapped_surface(plane, config, context, out, shown);
}

}  // namespace thalweg

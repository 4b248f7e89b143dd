// The names of the files that are written beside a surface.
#pragma once

#include <filesystem>

namespace thalweg {

struct SurfaceFiles {
  std::filesystem::path table;               // for surface.h5: surface.csv
  std::filesystem::path picture;             // surface.svg
  std::filesystem::path unfinished;          // surface.unfinished.h5: the map while it is being made
  std::filesystem::path unfinished_picture;  // surface.unfinished.svg
  std::filesystem::path journal;             // surface.h5.journal (landscape/journal.h)
};

// `surface` must have the extension .h5, which the names replace: with others they could coincide with those of another
// surface (loss-0.1 and loss-0.2) or with the surface itself.
inline SurfaceFiles files_beside(const std::filesystem::path& surface) {
  const auto with = [&](const char* extension) { return std::filesystem::path(surface).replace_extension(extension); };
  return {with(".csv"), with(".svg"), with(".unfinished.h5"), with(".unfinished.svg"), surface.string() + ".journal"};
}

}  // namespace thalweg

// The folder of this user's caches on this machine.
#pragma once

#include <filesystem>

namespace thalweg {

// Returns $THALWEG_CACHE, or $XDG_CACHE_HOME/thalweg, or ~/.cache/thalweg (bootstrap uses the same); empty if neither
// variable nor HOME is set. The folder need not exist.
std::filesystem::path cache_folder();

}  // namespace thalweg

// Where this user's caches lie on this machine.
#pragma once

#include <filesystem>

namespace thalweg {

// $THALWEG_CACHE, or $XDG_CACHE_HOME/thalweg, or ~/.cache/thalweg: bootstrap's too. Empty if none of the variables is
// set. It need not exist.
std::filesystem::path cache_folder();

}  // namespace thalweg

// Folders in which data sets are looked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace thalweg {

// Where `thalweg data fetch` puts things: $XDG_DATA_HOME/thalweg, else ~/.local/share/thalweg. Empty if the environment
// names neither.
std::filesystem::path user_data_folder();

// In the order of looking: only `configured` (data.path) if it is not empty, else $THALWEG_DATA where set, then the
// user's data folder.
std::vector<std::filesystem::path> data_folders(const std::string& configured);

}  // namespace thalweg

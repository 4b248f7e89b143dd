// The folders that are searched for data sets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace thalweg {

// The default folder of `thalweg data fetch`: $XDG_DATA_HOME/thalweg, or else ~/.local/share/thalweg. Empty if neither
// XDG_DATA_HOME nor HOME is usable.
std::filesystem::path user_data_folder();

// The folders in search order: only `configured` (data.path) if it is not empty, or else $THALWEG_DATA if set, then the
// user's data folder.
std::vector<std::filesystem::path> data_folders(const std::string& configured);

}  // namespace thalweg

// What tests choose on a GPU is kept in a cache of their own, not in that of whoever runs them.
#include <cstdlib>
#include <optional>

#include <gtest/gtest.h>

#include "io/temp_folder.h"

namespace thalweg {
namespace {

class OwnCache : public testing::Environment {
 public:
  void SetUp() override { setenv("THALWEG_CACHE", (folder_.emplace() / "cache").c_str(), 1); }
  void TearDown() override { folder_.reset(); }

 private:
  std::optional<TempFolder> folder_;
};

// GoogleTest owns it.
[[maybe_unused]] const testing::Environment* const kOwnCache = testing::AddGlobalTestEnvironment(new OwnCache);

}  // namespace
}  // namespace thalweg

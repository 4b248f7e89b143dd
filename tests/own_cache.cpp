// Plans chosen by tests on a GPU go to a temporary cache, not to that of the user who runs the tests.
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

// GoogleTest takes ownership.
[[maybe_unused]] const testing::Environment* const kOwnCache = testing::AddGlobalTestEnvironment(new OwnCache);

}  // namespace
}  // namespace thalweg

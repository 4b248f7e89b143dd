#include "io/cache_folder.h"

#include <gtest/gtest.h>

#include "scoped_variable.h"

namespace thalweg {
namespace {

TEST(CacheFolder, IsTheMostParticularOfWhatIsSet) {
  const ScopedVariable own("THALWEG_CACHE", "/own"), caches("XDG_CACHE_HOME", "/caches"), home("HOME", "/home/ada");
  EXPECT_EQ(cache_folder(), "/own");
  {
    const ScopedVariable empty("THALWEG_CACHE", "");
    EXPECT_EQ(cache_folder(), "/caches/thalweg");
  }
  const ScopedVariable no_own("THALWEG_CACHE", nullptr), no_caches("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(cache_folder(), "/home/ada/.cache/thalweg");
  const ScopedVariable homeless("HOME", nullptr);
  EXPECT_EQ(cache_folder(), "");
}

}  // namespace
}  // namespace thalweg

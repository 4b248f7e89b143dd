#include "io/cache_folder.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

using Values = std::map<std::string, std::optional<std::string>>;

// Sets variables of the environment, or removes them, and gives back what was there.
class Variables {
 public:
  explicit Variables(const Values& values) {
    for (const auto& [name, value] : values) {
      const char* before = std::getenv(name.c_str());
      before_[name] = before ? std::optional<std::string>(before) : std::nullopt;
      set(name, value);
    }
  }
  ~Variables() {
    for (const auto& [name, value] : before_) set(name, value);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  static void set(const std::string& name, const std::optional<std::string>& value) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
  Values before_;
};

TEST(CacheFolder, IsTheMostParticularOfWhatIsSet) {
  const Variables all(Values{{"THALWEG_CACHE", "/own"}, {"XDG_CACHE_HOME", "/caches"}, {"HOME", "/home/ada"}});
  EXPECT_EQ(cache_folder(), "/own");
  {
    const Variables without_own(Values{{"THALWEG_CACHE", std::string()}});
    EXPECT_EQ(cache_folder(), "/caches/thalweg");
  }
  const Variables without_caches(Values{{"THALWEG_CACHE", std::nullopt}, {"XDG_CACHE_HOME", std::nullopt}});
  EXPECT_EQ(cache_folder(), "/home/ada/.cache/thalweg");
  const Variables homeless(Values{{"HOME", std::nullopt}});
  EXPECT_EQ(cache_folder(), "");
}

}  // namespace
}  // namespace thalweg

#include "data/fetch.h"

#include <future>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/stop.h"
#include "data/cifar_files.h"
#include "data/http_server.h"
#include "data/make_archive.h"
#include "expect_error.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

class Fetch : public ::testing::Test {
 protected:
  Fetch() : format_(small_format("cifar10", 3, 2)), archive_(make_archive(set_entries(format_))) {
    setenv("no_proxy", "127.0.0.1", 1);  // the machine's proxy cannot reach this process
  }

  FetchOptions options(const HttpServer& server, const std::string& archive) const {
    return {.url = server.url(), .sha256 = sha256_of(archive), .progress = ProgressMode::kQuiet};
  }
  FetchResult fetch(const HttpServer& server) const {
    return fetch_archive(format_, folder_.path(), options(server, archive_));
  }
  fs::path target() const { return folder_ / format_.folder; }
  fs::path part() const { return folder_ / ".cifar-10-batches-bin.part"; }
  void expect_set() const {
    const DataSet set = read_cifar(format_, target());
    EXPECT_EQ(set.train.size(), 15);
    EXPECT_EQ(set.test.size(), 2);
    EXPECT_EQ(folder_.num_files(), 1U);  // nothing else is left
  }

  TempFolder folder_;
  CifarFormat format_;
  std::string archive_;
};

TEST_F(Fetch, DownloadsChecksAndUnpacks) {
  const HttpServer server({.body = archive_});
  const FetchResult result = fetch(server);
  EXPECT_TRUE(result.downloaded);
  EXPECT_EQ(result.folder, target());
  EXPECT_TRUE(fs::exists(target() / "readme.html"));
  expect_set();
}

TEST_F(Fetch, CreatesTheFolder) {
  const HttpServer server({.body = archive_});
  fetch_archive(format_, folder_ / "not/yet", options(server, archive_));
  EXPECT_EQ(read_cifar(format_, folder_ / "not/yet" / format_.folder).test.size(), 2);
}

TEST_F(Fetch, TakesAFileUrlAndAnUpperCaseChecksum) {
  const TempFolder mirror;
  write_bytes(mirror / "archive", archive_);
  std::string sha256 = sha256_of(archive_);
  for (char& c : sha256) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  fetch_archive(format_, folder_.path(),
                {.url = "file://" + (mirror / "archive").string(), .sha256 = sha256, .progress = ProgressMode::kQuiet});
  expect_set();
}

TEST_F(Fetch, DownloadsNothingWhereAValidSetIs) {
  write_small_set(format_, target());
  const HttpServer server({.body = archive_});
  const FetchResult result = fetch(server);
  EXPECT_FALSE(result.downloaded);
  EXPECT_EQ(result.folder, target());
  EXPECT_EQ(server.num_requests(), 0);
  expect_set();
}

TEST_F(Fetch, LeavesADamagedSetAlone) {
  write_small_set(format_, target());
  write_bytes(target() / "test_batch.bin", "damaged");
  const HttpServer server({.body = archive_});
  expect_error([&] { fetch(server); }, "already exists but is damaged");
  expect_error([&] { fetch(server); }, "test_batch.bin: 7 bytes are not a whole number of records");
  EXPECT_EQ(server.num_requests(), 0);
  EXPECT_EQ(fs::file_size(target() / "test_batch.bin"), 7U);
}

TEST_F(Fetch, UnpacksNothingWithAnotherChecksum) {
  const HttpServer server({.body = archive_ + "x"});
  expect_error([&] { fetch(server); },
               fmt::format("has SHA-256 {} ({} bytes), but {} was expected", sha256_of(archive_ + "x"),
                           archive_.size() + 1, sha256_of(archive_)));
  EXPECT_EQ(folder_.num_files(), 0U);
}

TEST_F(Fetch, ExpectsTheOfficialChecksumOfAMirrorToo) {
  const HttpServer server({.body = archive_});
  expect_error([&] { fetch_archive(format_, folder_.path(), {.url = server.url(), .progress = ProgressMode::kQuiet}); },
               "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd was expected");
}

TEST_F(Fetch, RefusesAChecksumThatIsNone) {
  const HttpServer server({.body = archive_});
  expect_usage_error([&] { fetch_archive(format_, folder_.path(), {.url = server.url(), .sha256 = "abc"}); },
                     "\"abc\" is not a SHA-256");
  EXPECT_EQ(server.num_requests(), 0);
}

TEST_F(Fetch, NamesAnHttpError) {
  const HttpServer server({.body = archive_});
  FetchOptions missing = options(server, archive_);
  missing.url = server.url("/elsewhere");
  expect_error([&] { fetch_archive(format_, folder_.path(), missing); },
               server.url("/elsewhere") + ": the server answered with HTTP status 404");
  EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Fetch, NamesAnAddressThatDoesNotAnswer) {
  std::string url;
  {
    const HttpServer server({.body = archive_});
    url = server.url();  // nothing listens there any more
  }
  expect_error([&] { fetch_archive(format_, folder_.path(), {.url = url, .progress = ProgressMode::kQuiet}); },
               url + ": ");
}

TEST_F(Fetch, RefusesOtherProtocols) {
  expect_error([&] { fetch_archive(format_, folder_.path(), {.url = "ftp://127.0.0.1/x"}); }, "ftp://127.0.0.1/x: ");
}

TEST_F(Fetch, GivesUpOnAServerThatStalls) {
  const HttpServer server({.body = archive_, .silent = true});
  FetchOptions impatient = options(server, archive_);
  impatient.stall_timeout = std::chrono::seconds(1);
  expect_error([&] { fetch_archive(format_, folder_.path(), impatient); }, server.url() + ": ");
  EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Fetch, GoesOnWhereABrokenDownloadStopped) {
  const std::size_t half = archive_.size() / 2;
  const HttpServer server({.body = archive_, .ranges = true, .break_after = half});
  expect_error([&] { fetch(server); }, "the part received so far is kept");
  EXPECT_EQ(fs::file_size(part()), half);
  EXPECT_TRUE(fetch(server).downloaded);
  EXPECT_EQ(server.num_requests(), 2);
  EXPECT_EQ(server.body_bytes_sent(), archive_.size());
  expect_set();
}

TEST_F(Fetch, StartsOverWhereTheServerCannotGoOn) {
  const HttpServer server({.body = archive_, .ranges = false, .break_after = archive_.size() / 2});
  expect_error([&] { fetch(server); }, server.url());
  EXPECT_TRUE(fetch(server).downloaded);
  expect_set();
}

TEST_F(Fetch, StartsOverWhereThePartBelongsToAnotherFile) {
  for (const std::size_t bytes : {std::size_t{10}, archive_.size(), archive_.size() + 5}) {
    const TempFolder folder;
    write_bytes(folder / ".cifar-10-batches-bin.part", std::string(bytes, 'x'));
    const HttpServer server({.body = archive_, .ranges = true});
    EXPECT_TRUE(fetch_archive(format_, folder.path(), options(server, archive_)).downloaded) << bytes;
    EXPECT_EQ(folder.num_files(), 1U);
  }
}

TEST_F(Fetch, UsesACompleteDownloadThatWasNotUnpacked) {
  write_bytes(part(), archive_);
  fs::create_directory(folder_ / ".cifar-10-batches-bin.unpacking");  // left by a killed process
  write_bytes(folder_ / ".cifar-10-batches-bin.unpacking/test_batch.bin", "half");
  const HttpServer server({.body = archive_});
  EXPECT_TRUE(fetch(server).downloaded);
  EXPECT_EQ(server.num_requests(), 0);
  expect_set();
}

TEST_F(Fetch, StopsAtTheSizeLimit) {
  const HttpServer server({.body = archive_});
  FetchOptions small = options(server, archive_);
  small.max_archive_bytes = 100;
  expect_error([&] { fetch_archive(format_, folder_.path(), small); }, "larger than 100 bytes");
}

TEST_F(Fetch, PutsNothingInPlaceFromABadArchive) {
  auto entries = set_entries(format_);
  entries.push_back({"../outside", "bad"});
  const std::string malicious = make_archive(entries);
  const HttpServer server({.body = malicious});
  expect_error([&] { fetch_archive(format_, folder_ / "in", options(server, malicious)); }, "\"../outside\"");
  EXPECT_FALSE(fs::exists(folder_ / "in/outside"));
  EXPECT_FALSE(fs::exists(folder_ / "outside"));
  EXPECT_FALSE(fs::exists(folder_ / "in" / format_.folder));
}

TEST_F(Fetch, PutsNothingInPlaceThatIsNotTheSet) {
  auto entries = set_entries(format_);
  entries.erase(entries.begin() + 3);  // data_batch_3.bin
  const std::string incomplete = make_archive(entries);
  const HttpServer server({.body = incomplete});
  const auto action = [&] { fetch_archive(format_, folder_.path(), options(server, incomplete)); };
  expect_error(action, "does not hold CIFAR-10");
  expect_error(action, "data_batch_3.bin: missing");
  EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Fetch, StopsWhenAskedTo) {
  const HttpServer server({.body = archive_, .silent = true});
  std::future<void> asker = std::async(std::launch::async, [&] {
    while (server.num_requests() == 0) std::this_thread::yield();
    request_stop();
  });
  EXPECT_THROW(fetch(server), Stopped);
  asker.get();
  request_stop(false);
  EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Fetch, LetsOnlyOneProgramFetchIntoAFolder) {
  const int other = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  const HttpServer server({.body = archive_});
  expect_error([&] { fetch(server); }, "another fetch into it is under way");
  ::close(other);
  EXPECT_TRUE(fetch(server).downloaded);
}

TEST_F(Fetch, KnowsOnlySetsThatHaveFiles) {
  expect_usage_error([&] { fetch_data_set("synthetic", folder_.path(), {}); }, "synthetic");
}

}  // namespace
}  // namespace thalweg

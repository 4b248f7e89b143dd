#include "landscape/surface.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/hdf5_file.h"

namespace thalweg {
namespace {

const double kNan = std::nan("");
const double kInf = std::numeric_limits<double>::infinity();

std::filesystem::path scratch(const std::string& name) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "thalweg_surface";
  std::filesystem::create_directories(folder);
  return folder / name;
}

// 3 x 2 points, wider than high, so that a transposed array fails.
Surface example() {
  Surface s;
  s.x = {-1, 0, 2};
  s.y = {10, 20};
  s.values["train_loss"] = {1, 2, 0.1 + 0.2, 4, kNan, kInf};
  s.values["train_acc"] = {10, 20, 30, 40, 50, 60};
  s.values["test_loss"] = {9, 8, 7, 6, 5, 4};
  s.path = {{"main", 0, 0, 0.1, -1, 10, 0.5}, {"main", 390, 1, 0.1, 0, 12, 0.25}, {"late", 390, 1, 0.01, 0.5, 20, 0}};
  s.provenance = {{"kind", "pca"}, {"explained_variance", {0.8, 0.1}}, {"landscape", {{"bn", "recompute"}}}};
  return s;
}

TEST(Surface, ComesBackFromHdf5WithEveryBit) {
  const Surface written = example();
  write_surface_hdf5(scratch("round.h5"), written);
  const Surface read = read_surface_hdf5(scratch("round.h5"));
  EXPECT_EQ(read.x, written.x);
  EXPECT_EQ(read.y, written.y);
  ASSERT_EQ(read.values.size(), 3u);
  EXPECT_FALSE(read.has("test_acc"));
  EXPECT_EQ(read.values.at("test_loss"), written.values.at("test_loss"));
  const auto& loss = read.values.at("train_loss");
  EXPECT_EQ(loss[2], 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(loss[4]));
  EXPECT_EQ(loss[5], kInf);
  EXPECT_EQ(read.provenance, written.provenance);
  ASSERT_EQ(read.path.size(), 3u);
  EXPECT_EQ(read.path[2].run, "late");
  EXPECT_EQ(read.path[1].step, 390);
  EXPECT_EQ(read.path[0].off_plane, 0.5);
}

TEST(Surface, FileHasTheNamesAndShapesThatOtherPlottersRead) {
  write_surface_hdf5(scratch("names.h5"), example());
  const Hdf5Content content = read_hdf5(scratch("names.h5"));
  EXPECT_EQ(content.datasets.at("xcoordinates").shape, (std::vector<std::size_t>{3}));
  EXPECT_EQ(content.datasets.at("train_loss").shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(content.datasets.at("status").values, (std::vector<double>{0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(content.datasets.at("explained_variance_ratio_").values, (std::vector<double>{0.8, 0.1}));
  EXPECT_EQ(content.strings.at("dir_file"), "names.h5");
}

TEST(Surface, ProjectionHasAGapBetweenRuns) {
  write_surface_hdf5(scratch("gap.h5"), example());
  const auto x = read_hdf5(scratch("gap.h5")).datasets.at("proj_xcoord").values;
  ASSERT_EQ(x.size(), 4u);
  EXPECT_EQ(x[1], 0);
  EXPECT_TRUE(std::isnan(x[2]));
  EXPECT_EQ(x[3], 0.5);
}

TEST(Surface, WithoutPathAndVarianceHasNoProjectionDatasets) {
  Surface s = example();
  s.path.clear();
  s.provenance = nullptr;
  write_surface_hdf5(scratch("bare.h5"), s);
  const Hdf5Content content = read_hdf5(scratch("bare.h5"));
  EXPECT_EQ(content.datasets.count("proj_xcoord"), 0u);
  EXPECT_EQ(content.datasets.count("explained_variance_ratio_"), 0u);
  EXPECT_TRUE(read_surface_hdf5(scratch("bare.h5")).path.empty());
}

TEST(Surface, OfOnePointIsAFile) {
  Surface s;
  s.x = {0.5};
  s.y = {-0.5};
  s.values["train_loss"] = {-1};  // our own files use no sentinel: -1 stays -1
  write_surface_hdf5(scratch("one.h5"), s);
  EXPECT_EQ(read_surface_hdf5(scratch("one.h5")).values.at("train_loss"), std::vector<double>{-1});
}

TEST(Surface, ForeignFileMarksMissingValuesWithMinusOne) {
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{2}, {-1, 1}};
  content.datasets["ycoordinates"] = {{2}, {-1, 1}};
  content.datasets["train_loss"] = {{2, 2}, {0.5, -1, 2, 3}};
  content.datasets["train_acc"] = {{2, 2}, {90, -1, 10, 10}};
  content.datasets["explained_variance_ratio_"] = {{2}, {0.7, 0.2}};
  content.strings["dir_file"] = "elsewhere.h5";
  write_hdf5(scratch("foreign.h5"), content);
  const Surface s = read_surface_hdf5(scratch("foreign.h5"));
  EXPECT_TRUE(std::isnan(s.values.at("train_loss")[1]));
  EXPECT_TRUE(std::isnan(s.values.at("train_acc")[1]));
  EXPECT_EQ(s.values.at("train_loss")[2], 2);
  EXPECT_FALSE(s.has("test_loss"));
  EXPECT_TRUE(s.path.empty());
  EXPECT_EQ(s.provenance.at("explained_variance")[0], 0.7);
}

TEST(Surface, ForeignOblongFileIsReadInTheOrderItWasFilled) {
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{3}, {0, 1, 2}};
  content.datasets["ycoordinates"] = {{2}, {10, 20}};
  content.datasets["train_loss"] = {{3, 2}, {1, 2, 3, 4, 5, 6}};  // shaped [nx][ny], filled with x running fastest
  write_hdf5(scratch("oblong.h5"), content);
  const auto least = surface_minimum(read_surface_hdf5(scratch("oblong.h5")), "train_loss");
  ASSERT_TRUE(least);
  EXPECT_EQ(least->x, 0);
  EXPECT_EQ(read_surface_hdf5(scratch("oblong.h5")).values.at("train_loss")[2], 3);
  // In a file with our own "thalweg" entry, the same shape is an error.
  content.strings["thalweg"] = R"({"provenance": {}, "path": []})";
  write_hdf5(scratch("oblong.h5"), content);
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("oblong.h5")); }).find("expected [2, 3]"), std::string::npos);
}

TEST(Surface, ReadingNamesWhatIsMissingOrWrong) {
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{2}, {0, 1}};
  content.datasets["train_loss"] = {{2}, {1, 2}};
  write_hdf5(scratch("bad.h5"), content);  // a 1-D surface
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("bad.h5")); }).find("ycoordinates"), std::string::npos);
  content.datasets["ycoordinates"] = {{2}, {1, 1}};
  write_hdf5(scratch("bad.h5"), content);
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("bad.h5")); }).find("ascending"), std::string::npos);
  content.datasets["ycoordinates"] = {{1}, {1}};
  write_hdf5(scratch("bad.h5"), content);
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("bad.h5")); }).find("train_loss has shape [2]"),
            std::string::npos);
  content.datasets.erase("train_loss");
  write_hdf5(scratch("bad.h5"), content);
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("bad.h5")); }).find("at least one of the datasets train_loss"),
            std::string::npos);
  EXPECT_THROW(read_surface_hdf5(scratch("absent.h5")), Error);
}

TEST(Surface, DamagedNotesAreAnError) {
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{1}, {0}};
  content.datasets["ycoordinates"] = {{1}, {0}};
  content.datasets["train_loss"] = {{1, 1}, {1}};
  content.strings["thalweg"] = "{\"provenance\": ";
  write_hdf5(scratch("damaged.h5"), content);
  EXPECT_NE(message_of([] { read_surface_hdf5(scratch("damaged.h5")); }).find("damaged"), std::string::npos);
}

TEST(Surface, ADamagedPathNamesTheFile) {
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{1}, {0}};
  content.datasets["ycoordinates"] = {{1}, {0}};
  content.datasets["train_loss"] = {{1, 1}, {1}};
  content.strings["thalweg"] = R"({"provenance": {}, "path": [{"run": "main"}]})";
  write_hdf5(scratch("path.h5"), content);
  expect_error([] { read_surface_hdf5(scratch("path.h5")); }, scratch("path.h5").string() + ": the path");
}

// Everything that a reader gets from a surface.
std::string contents_of(const Surface& s) {
  std::string text = fmt::format("{} {} {}", s.x, s.y, s.provenance.dump());
  for (const auto& [key, values] : s.values) text += fmt::format("\n{} {}", key, values);
  for (const auto& [key, values] : s.stacks) text += fmt::format("\n{} {}", key, values);
  for (const PathPoint& point : s.path) text += to_json(point).dump();
  return text;
}

TEST(Surface, AFlippedBitIsAnError) {
  Surface written = example();
  written.stacks["train_class_loss"] = std::vector<double>(18, 0.5);
  write_surface_hdf5(scratch("flip.h5"), written);
  const std::string bytes = read_file(scratch("flip.h5")),
                    contents = contents_of(read_surface_hdf5(scratch("flip.h5")));
  std::size_t read = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 5) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at / 5 % 8)));
    std::ofstream(scratch("flipped.h5"), std::ios::binary) << damaged;
    try {
      ASSERT_EQ(contents_of(read_surface_hdf5(scratch("flipped.h5"))), contents) << "byte " << at;
      ++read;
    } catch (const Error&) {
    }
  }
  EXPECT_LE(read, 2u);  // in the eight bytes that mark the checksum itself
}

TEST(Surface, IsNotWrittenWhenShapesDisagree) {
  Surface s = example();
  s.values["test_loss"].pop_back();
  EXPECT_THROW(write_surface_hdf5(scratch("never.h5"), s), Error);
  EXPECT_THROW(write_surface_csv(scratch("never.csv"), s), Error);
  s = example();
  s.values["status"] = s.values["train_loss"];
  EXPECT_THROW(write_surface_hdf5(scratch("never.h5"), s), Error);
  s = example();
  s.values.clear();
  EXPECT_THROW(write_surface_hdf5(scratch("never.h5"), s), Error);
  s = example();
  s.x = {0, 2, 1};
  EXPECT_THROW(write_surface_hdf5(scratch("never.h5"), s), Error);
  EXPECT_FALSE(std::filesystem::exists(scratch("never.h5")));
  EXPECT_FALSE(std::filesystem::exists(scratch("never.csv")));
}

TEST(Surface, CsvHasOneRowAPointAndEveryDigit) {
  write_surface_csv(scratch("s.csv"), example());
  EXPECT_EQ(read_file(scratch("s.csv")),
            "x,y,train_loss,train_acc,test_loss\n"
            "-1,10,1,10,9\n"
            "0,10,2,20,8\n"
            "2,10,0.30000000000000004,30,7\n"
            "-1,20,4,40,6\n"
            "0,20,nan,50,5\n"
            "2,20,inf,60,4\n");
}

TEST(Surface, LayersOfStacksComeInAnyOrderAndAreNanBefore) {
  Surface surface;
  surface.x = {0, 1};
  surface.y = {0, 1, 2};
  layer(surface, "train_class_loss/2")[5] = 7;
  layer(surface, "train_class_loss/0")[0] = 3;
  layer(surface, "train_loss")[1] = 2;
  const std::vector<double>& stack = surface.stacks.at("train_class_loss");
  ASSERT_EQ(stack.size(), 18u);
  EXPECT_EQ(stack[17], 7);
  EXPECT_EQ(stack[0], 3);
  EXPECT_EQ(std::count_if(stack.begin(), stack.end(), [](double v) { return std::isnan(v); }), 16);
  ASSERT_EQ(surface.values.at("train_loss").size(), 6u);
  EXPECT_EQ(layer(surface, "train_loss")[1], 2);
}

TEST(SurfaceMinimum, SkipsWhatIsNotFinite) {
  Surface s = example();
  s.values["train_loss"] = {-kInf, kNan, 3, 4, 2, kInf};
  const auto least = surface_minimum(s, "train_loss");
  ASSERT_TRUE(least);
  EXPECT_EQ(least->x, 0);
  EXPECT_EQ(least->y, 20);
  EXPECT_EQ(least->value, 2);
}

TEST(SurfaceMinimum, ThereIsNoneOfNothingFinite) {
  Surface s = example();
  s.values["train_loss"].assign(6, kNan);
  EXPECT_FALSE(surface_minimum(s, "train_loss"));
  EXPECT_FALSE(surface_minimum(s, "test_acc"));
}

TEST(SurfaceMinimum, OfAnUnfinishedMapIsAnEvaluatedPoint) {
  Surface s = example();
  s.values["cell"] = {0, 1, 0, 2, 2, 3};
  s.values["train_loss"] = {4, 3, 5, 1, 2, kNan};
  EXPECT_EQ(surface_minimum(s, "train_loss")->value, 1);  // finished: the error of interpolated points is known
  s.provenance["landscape"]["unfinished"] = true;
  const auto least = surface_minimum(s, "train_loss");
  ASSERT_TRUE(least);
  EXPECT_EQ(least->value, 3);
  EXPECT_EQ(least->x, 0);
  EXPECT_EQ(least->y, 10);
}

}  // namespace
}  // namespace thalweg

#include "report/window_maps.h"

#include <gtest/gtest.h>

#include "io/temp_folder.h"
#include "report/figure.h"
#include "report/map_paths.h"
#include "report/page.h"
#include "report/synthetic_report.h"
#include "report/text_checks.h"

namespace thalweg {
namespace {

// The synthetic map as that of window `number` of `of`. The RMS distance of the path from its plane is 2, and its RMS
// spread 10.
Surface of_window(const Surface& whole, int number, int of) {
  Surface surface = whole;
  surface.provenance["num_snapshots"] = 8;
  surface.provenance["window"] = {{"number", number},
                                  {"of", of},
                                  {"run", "main"},
                                  {"first_step", 390 * 20 * (number - 1)},
                                  {"last_step", 390 * 20 * number},
                                  {"first_epoch", 20 * (number - 1)},
                                  {"last_epoch", 20 * number},
                                  {"rms_off_plane", 2},
                                  {"one_plane_rms_off_plane", 4},
                                  {"one_plane_explained_variance", {0.7, 0.1}},
                                  {"rms_spread", 10}};
  return surface;
}

ReportData report_of(const std::vector<std::pair<int, int>>& windows) {
  ReportData data = synthetic_report(1);
  for (const auto& [number, of] : windows) data.surfaces.push_back(of_window(data.surfaces[0], number, of));
  return data;
}

TEST(WindowMaps, AreThoseOfOneCuttingInTheOrderOfTheirWindows) {
  const ReportData data = report_of({{10, 12}, {2, 12}, {2, 2}, {1, 2}});
  const std::vector<WindowMaps> maps = window_maps(data);
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].of, 2u);
  EXPECT_EQ(maps[0].about(0), "Window 1, epochs 0 to 20");
  EXPECT_EQ(maps[0].about(1), "Window 2, epochs 20 to 40");
  EXPECT_EQ(maps[1].about(1), "Window 10, epochs 180 to 200");
  EXPECT_TRUE(window_maps(synthetic_report(1)).empty());
  EXPECT_EQ(window_section(synthetic_report(1)), "");
}

TEST(WindowMaps, TellWhatTheirPlanesExplainBesideOnePlane) {
  const ReportData data = report_of({{1, 2}, {2, 2}});
  EXPECT_EQ(
      window_maps(data)[0].explained_sentence(),
      "One plane of the whole path of main explains 80.0 % of its variance, and the planes of its 2 windows together "
      "explain 96.0 %.");  // 1 - (2 / 10)^2
  const ReportData half = report_of({{2, 2}});
  EXPECT_TRUE(contains(window_maps(half)[0].explained_sentence(), "1 of 2 windows are mapped so far"));
}

TEST(WindowMaps, SayWhetherAMapIsUnfinishedOrNotCertified) {
  ReportData data = report_of({{1, 3}, {2, 3}, {3, 3}});
  data.surfaces[1].provenance["landscape"] = {{"unfinished", true}};
  data.surfaces[2].provenance["landscape"] = {{"adaptive", {{"certified", false}}}};
  data.surfaces[3].provenance["landscape"] = {{"adaptive", {{"certified", true}}}};
  const std::string section = window_section(data);
  EXPECT_TRUE(contains(section, ">Window 1, epochs 0 to 20 (unfinished)</th>"));
  EXPECT_TRUE(contains(section, ">Window 2, epochs 20 to 40 (not certified)</th>"));
  EXPECT_TRUE(contains(section, ">Window 3, epochs 40 to 60</th>"));
}

TEST(WindowFigure, HasAPanelForEachWindowAndSplitWithCommonColours) {
  ReportData data = report_of({{1, 3}, {2, 3}, {3, 3}});
  for (double& loss : data.surfaces[1].values.at("train_loss")) loss += 50;  // its colours have a larger range
  const std::string svg = window_figure(data, window_maps(data)[0]);
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(count(svg, "<clipPath"), 6u);
  EXPECT_EQ(count(svg, ">explains 85.0 %<"), 6u);
  EXPECT_EQ(count(svg, ">Window 2, epochs 20 to 40<"), 1u);
  EXPECT_EQ(count(svg, ">Train loss<"), 1u);
  data.surfaces[1].values.erase("test_loss");
  EXPECT_EQ(count(window_figure(data, window_maps(data)[0]), "<clipPath"), 5u);
}

TEST(WindowFigure, IsInThePageAndTakesThePlaceOfOneFigureAWindow) {
  const ReportData data = report_of({{1, 2}, {2, 2}});
  EXPECT_EQ(surface_figures(data).size(), 1u);
  const std::string page = page_text(data);
  EXPECT_TRUE(contains(page, ">Along the path</h2>"));
  EXPECT_TRUE(contains(page, "pca plane, window 2 of 2, 31 × 31 points"));
  EXPECT_TRUE(contains(page,
                       "<td class=\"number\">8</td><td class=\"number\">85.0 %</td><td class=\"number\">76.0 %</td>"
                       "<td class=\"number\">2</td><td class=\"number\">4</td>"));
}

TEST(CollectReport, PutsTheExperimentsOwnMapFirstAndWindowsBehindOtherMapsOfPcaPlanes) {
  TempFolder folder;
  const Surface whole = synthetic_report(0).surfaces[0];
  Surface random = whole, bf16 = whole, unfinished = whole;
  random.provenance["kind"] = "random";
  bf16.provenance["name"] = "bf16";
  unfinished.provenance["name"] = "unfinished";
  std::filesystem::create_directories(folder / "surfaces");
  write_surface_hdf5(folder / "surfaces" / "a.h5", random);
  write_surface_hdf5(folder / "surfaces" / "bf16.h5", bf16);
  write_surface_hdf5(folder / "surfaces" / "pca.h5", whole);
  write_surface_hdf5(folder / "surfaces" / "pca.unfinished.h5", unfinished);
  write_surface_hdf5(folder / "surfaces" / "pca.w1of2.h5", of_window(whole, 1, 2));
  const std::vector<Surface> surfaces = collect_report(folder.path()).surfaces;
  ASSERT_EQ(surfaces.size(), 5u);
  EXPECT_EQ(surfaces[0].provenance, whole.provenance);
  EXPECT_EQ(surfaces[1].provenance, bf16.provenance);
  EXPECT_EQ(surfaces[2].provenance, unfinished.provenance);
  EXPECT_TRUE(is_of_window(surfaces[3]));
  EXPECT_EQ(surfaces[4].provenance, random.provenance);
}

TEST(OffPlaneLimit, GoesByTheWindowsPartOfThePath) {
  const ReportData data = report_of({{1, 4}});
  EXPECT_LT(off_plane_limit(data.surfaces[1]), off_plane_limit(data.surfaces[0]));
  EXPECT_GT(off_plane_limit(data.surfaces[1]), 0);
}

}  // namespace
}  // namespace thalweg

#include "report/report.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <regex>

#include <gtest/gtest.h>

#include "io/temp_folder.h"
#include "report/assets.h"
#include "report/figure.h"
#include "report/minima.h"
#include "report/page.h"
#include "report/run_style.h"
#include "report/summary.h"
#include "report/svg.h"
#include "report/synthetic_report.h"
#include "report/text_checks.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// The JSON embedded in the page.
nlohmann::json carried(const ReportData& data) {
  return nlohmann::json::parse(page_data(data));
}

TEST(Findings, NameTheBestDecayTimeAndTheDistanceOfTheMinima) {
  ReportData data = synthetic_report(3);
  const auto said = findings(data);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_TRUE(contains(said[0], "the branch that decays at epoch 60")) << said[0];
  EXPECT_TRUE(contains(said[0], "of 3 branches compared")) << said[0];
  EXPECT_TRUE(contains(said[1], "Highest final test accuracy")) << said[1];
  EXPECT_TRUE(contains(said[2], "apart in weight space")) << said[2];
  data.surfaces[0].provenance["kind"] = "random";
  EXPECT_TRUE(contains(findings(data)[2], "in units of the directions"));
}

TEST(Findings, NameTheAverageThatIsBest) {
  ReportData data = synthetic_report(3);
  add_synthetic_averages(&data);
  EXPECT_TRUE(contains(findings(data)[0], "the average of the branch at epoch 60 (of 3 branches and 4 averages"))
      << findings(data)[0];
  data.runs.resize(1);
  data.averages.resize(1);
  EXPECT_TRUE(contains(findings(data)[0], "from the average of the main path.")) << findings(data)[0];
}

TEST(Findings, OfNothingAreNone) {
  EXPECT_TRUE(findings(ReportData{}).empty());
}

TEST(Findings, LeaveOutTheMinimaOfAnUnfinishedMap) {
  ReportData data = synthetic_report(3);
  const std::size_t count = findings(data).size();
  data.surfaces.front().provenance["landscape"]["unfinished"] = true;
  EXPECT_EQ(findings(data).size(), count - 1);
}

TEST(DecayRows, AreSortedByForkEpochWithTheMainPathLast) {
  ReportData data = synthetic_report(3);
  std::reverse(data.runs.begin(), data.runs.end());
  data.runs[0].final_metrics["test_loss"] = nullptr;  // diverged
  const auto rows = decay_rows(data);
  ASSERT_EQ(rows.size(), 4u);
  for (std::size_t i = 0; i + 2 < rows.size(); ++i) EXPECT_LT(*rows[i].fork_epoch, *rows[i + 1].fork_epoch);
  EXPECT_TRUE(is_main(rows.back().name));
  EXPECT_FALSE(rows[2].test_loss);
}

TEST(DecayRows, HoldEachAverageBehindItsRun) {
  ReportData data = synthetic_report(2);
  add_synthetic_averages(&data);
  std::vector<std::string> names;
  for (const DecayRow& row : decay_rows(data)) names.push_back(row.name);
  EXPECT_EQ(names, (std::vector<std::string>{"decay-at-30", "decay-at-30-average", "decay-at-60", "decay-at-60-average",
                                             "main", "main-average"}));
}

TEST(Minima, AreThoseOfTheGridAndKnowTheBorder) {
  Surface s;
  s.x = {0, 3, 6};
  s.y = {0, 4, 8};
  s.values["train_loss"] = {9, 9, 9, 9, 1, 9, 9, 9, 9};
  EXPECT_FALSE(find_minima(s).on_edge);
  EXPECT_FALSE(find_minima(s).distance);
  s.values["test_loss"] = {2, 9, 9, 9, 9, 9, 9, 9, 9};
  EXPECT_EQ(find_minima(s).distance, 5);
  EXPECT_TRUE(find_minima(s).on_edge);
  EXPECT_TRUE(contains(minima_sentence(s), "border"));
}

TEST(Minima, OfSeveralSeedsAreToldBySeedAndNotByTheirDistance) {
  Surface s;
  s.x = {0, 1, 2, 3, 4};
  s.y = {0, 1, 2};
  s.values["train_loss"] = {9, 9, 9, 9, 9, 9, 1, 9, 9, 9, 9, 9, 9, 9, 9};
  s.values["test_loss"] = {9, 9, 9, 9, 9, 9, 9, 9, 2, 9, 9, 9, 9, 9, 9};
  for (const std::uint64_t seed : {5, 11})
    s.path.push_back({name_with_seed("main", seed), 0, 0, 0.1, seed == 5 ? 0.5 : 3.5, 1, 0});
  EXPECT_EQ(
      minima_sentence(s),
      "On the map of the paths of 2 seeds, the minimum of the train loss, 1 at (1, 1), is nearest to a path of seed 5, "
      "and the minimum of the test loss, 2 at (3, 1), is nearest to a path of seed 11.");
  s.path.pop_back();
  EXPECT_TRUE(contains(minima_sentence(s), "the two are 2 apart"));
}

TEST(Figures, ShowBothMinimaInBothPanelsAndEveryRun) {
  const ReportData data = synthetic_report(3);
  const auto figures = surface_figures(data);
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].name, "surface-train-test.svg");
  const std::string& svg = figures[0].svg;
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(count(svg, "<title>train minimum"), 2u);
  EXPECT_EQ(count(svg, "<title>test minimum"), 2u);
  for (const char* text :
       {"Train loss", "Test loss", "PC 1 (explains 71 %)", "main path", "decay-at-60", "apart in weight space"}) {
    EXPECT_TRUE(contains(svg, text)) << text;
  }
  EXPECT_FALSE(contains(svg, "nan"));
  EXPECT_FALSE(contains(svg, "inf"));
}

TEST(Figures, AreWellFormedWhateverTheGridAndTheNames) {
  ReportData data = synthetic_report(12);
  data.title = "a <b> & \"c\" \x01";
  for (PathPoint& p : data.surfaces[0].path) {
    if (p.run == "decay-at-60") p.run = "a <very> & long name that would not fit the legend, however wide it may be";
  }
  for (const std::size_t nx : {1u, 2u, 5u}) {
    for (const std::size_t ny : {1u, 2u, 3u}) {
      Surface small = data.surfaces[0];
      small.x.resize(nx);
      small.y.resize(ny);
      for (auto& [key, values] : small.values) values.assign(nx * ny, 0.5);
      small.values["train_loss"][0] = 0.1;
      data.surfaces.push_back(small);
    }
  }
  Surface broken = data.surfaces[0];
  broken.values["test_loss"].assign(broken.values["test_loss"].size(), std::nan(""));
  broken.values["train_loss"][40] = std::numeric_limits<double>::infinity();
  data.surfaces.push_back(broken);
  const auto figures = surface_figures(data);
  EXPECT_EQ(figures.size(), 11u);
  for (const auto& figure : figures) EXPECT_TRUE(is_well_formed(figure.svg)) << figure.name;
  for (const auto& figure : curve_figures(data)) EXPECT_TRUE(is_well_formed(figure.svg)) << figure.name;
  EXPECT_TRUE(contains(figures.back().svg, "without a finite value"));
}

TEST(Figures, OfCurvesLeaveOutWhatIsNotThere) {
  ReportData data = synthetic_report(2);
  EXPECT_EQ(curve_figures(data).size(), 3u);
  for (RunSeries& run : data.runs) run.final_metrics = nullptr;
  EXPECT_EQ(curve_figures(data).size(), 2u);
  for (RunSeries& run : data.runs) run.epochs.clear();
  EXPECT_TRUE(curve_figures(data).empty());
  data.surfaces[0].values.clear();
  EXPECT_TRUE(surface_figures(data).empty());
}

TEST(Figures, OfCurvesShowAPointAloneAsADot) {
  ReportData data = synthetic_report(2);
  const std::size_t before = count(curve_figures(data)[1].svg, "<circle");
  data.runs[1].epochs.resize(1);  // one epoch, with train loss only
  EXPECT_EQ(count(curve_figures(data)[1].svg, "<circle"), before + 1);
  data.runs[2].epochs[1].train_loss = std::nan("");  // leaves the first alone before a gap
  EXPECT_EQ(count(curve_figures(data)[1].svg, "<circle"), before + 2);
}

TEST(Figures, ShowTheRatesCorners) {
  ReportData data;
  data.runs = {{"main", std::nullopt, {{100, 1, 1, 0.5, {}, {}}}, nullptr}};
  EXPECT_TRUE(curve_figures(data)[0].name != "learning-rate.svg");
  data.runs[0].rates = {{0, 0.1}, {0.4, 0.1}, {0.4, 0.01}, {1, 0.01}};
  const std::string svg = curve_figures(data)[0].svg;  // a level line, a drop, a level line
  std::smatch at;
  ASSERT_TRUE(std::regex_search(svg, at, std::regex(R"re(d="M(\S+) (\S+)L(\S+) (\S+) (\S+) (\S+) (\S+) (\S+)")re")));
  EXPECT_EQ(at[2], at[4]);
  EXPECT_EQ(at[3], at[5]);
  EXPECT_EQ(at[6], at[8]);
  EXPECT_NE(at[4], at[6]);
}

TEST(Figures, ShowAveragesOfTestLossButNoneOfTheRate) {
  ReportData data = synthetic_report(2);
  const auto before = curve_figures(data);
  add_synthetic_averages(&data);
  const auto figures = curve_figures(data);
  ASSERT_EQ(figures.size(), 3u);
  EXPECT_EQ(figures[0].svg, before[0].svg);  // learning-rate.svg
  const std::string &loss = figures[1].svg, &decay = figures[2].svg;
  EXPECT_EQ(count(loss, "stroke-dasharray=\"12 4\""), 6u);  // three curves and three legend entries
  EXPECT_TRUE(contains(loss, ">average of decay-at-30<"));
  EXPECT_TRUE(contains(decay, ">averages of branches<"));
  EXPECT_TRUE(contains(decay, ">average of the main path<"));
  EXPECT_EQ(count(decay, "<circle"), 2 * count(before[2].svg, "<circle"));
}

TEST(Figures, OfDivergedRunsHaveGaps) {
  ReportData data = synthetic_report(2);
  for (EpochMetrics& m : data.runs[1].epochs) m.train_loss = std::nan("");
  data.runs[0].epochs[3].train_loss = std::numeric_limits<double>::infinity();
  for (const auto& figure : curve_figures(data)) {
    EXPECT_TRUE(is_well_formed(figure.svg));
    EXPECT_FALSE(contains(figure.svg, "nan")) << figure.name;
    EXPECT_FALSE(contains(figure.svg, "inf ")) << figure.name;
  }
}

TEST(RunStyle, IsTheSameForARunInEveryFigureAndApartForEach) {
  ReportData data = synthetic_report(12);
  const LineStyle last = run_style(data, data.runs.back().name);
  add_synthetic_averages(&data);
  EXPECT_EQ(run_style(data, data.runs.back().name).color, last.color);
  std::vector<std::pair<std::string, std::string>> seen;
  for (const std::vector<RunSeries>* series : {&data.runs, &data.averages}) {
    for (const RunSeries& run : *series) {
      const LineStyle style = run_style(data, run.name);
      const std::pair key{style.color, style.dash};
      EXPECT_EQ(std::find(seen.begin(), seen.end(), key), seen.end()) << run.name;
      seen.push_back(key);
    }
  }
}

TEST(Page, LoadsNothingFromAnywhere) {
  const std::string page = page_text(synthetic_report(3));
  EXPECT_EQ(count(page, std::string(plotly_js())), 1u);
  const std::size_t at = page.find(plotly_js());
  const std::string ours = page.substr(0, at) + page.substr(at + plotly_js().size());
  for (const char* forbidden : {"http:", "https:", "src=", "href=", "url(", "@import"}) {
    EXPECT_FALSE(contains(ours, forbidden)) << forbidden;
  }
  EXPECT_TRUE(contains(ours, "default-src 'none'"));
}

TEST(Page, CarriesPlotlyWhole) {
  EXPECT_GT(plotly_js().size(), 1000000u);
  EXPECT_TRUE(contains(std::string(plotly_js().substr(0, 400)), "plotly.js v"));
  EXPECT_FALSE(contains(std::string(plotly_js()), "</script"));
  EXPECT_FALSE(contains(std::string(page_js()), "</script"));
}

TEST(Page, LeavesPlotlysButtonsRoomAboveTitlesOnANarrowScreen) {
  const std::string script(page_js());
  EXPECT_TRUE(contains(script, "buttons = narrow.matches ? 32 : 0"));
  for (const char* text : {"pad: { t: 12 + buttons }", "t: 40 + buttons", "height: 320 + buttons"})
    EXPECT_TRUE(contains(script, text)) << text;
}

TEST(Page, ScrollsFiguresOnANarrowScreen) {
  const std::string style(page_css());
  EXPECT_TRUE(contains(style, "figure:has(> svg) { overflow-x: auto; }"));
  EXPECT_LT(style.find("figure > svg { max-width: 100%;"), style.find("figure > svg { max-width: 760px;"));
}

TEST(Page, EscapesNamesInMarkupAndInJson) {
  ReportData data = synthetic_report(1);
  const std::string evil = "</script><script>alert(1)</script><!-- {{data}} &amp; '\"";
  data.title = evil;
  data.runs[1].name = evil;
  data.config = {{"name", evil}};
  for (PathPoint& p : data.surfaces[0].path) {
    if (p.run != "main") p.run = evil;
  }
  data.surfaces[0].provenance["landscape"][evil] = evil;
  const std::string page = page_text(data);
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_FALSE(contains(page, "<!--"));
  EXPECT_EQ(count(page, "<script"), 3u);
  EXPECT_EQ(carried(data).at("runs").at(1).at("name"), evil);
}

TEST(Page, HasNullWhereNumbersAreNotFinite) {
  ReportData data = synthetic_report(1);
  data.surfaces[0].values["train_loss"][0] = std::numeric_limits<double>::infinity();
  data.surfaces[0].values["train_loss"][1] = std::nan("");
  data.runs[0].epochs[0].train_loss = std::nan("");
  const auto json = carried(data);
  EXPECT_TRUE(json.at("surfaces").at(0).at("values").at("train_loss").at(0).is_null());
  EXPECT_TRUE(json.at("surfaces").at(0).at("values").at("train_loss").at(1).is_null());
  EXPECT_TRUE(json.at("runs").at(0).at("train_loss").at(0).is_null());
  EXPECT_TRUE(contains(page_text(data), "2 of 961 grid points have a value that is not finite"));
}

TEST(Page, SaysHowTheMapWasMade) {
  const std::string page = page_text(synthetic_report(3));
  for (const char* text : {"71.0 %, 14.0 %", "60.8 %, 15.2 %", "random walk", "recompute", "Distance of the snapshots",
                           "Configuration, as resolved", "Provenance of surface 1"}) {
    EXPECT_TRUE(contains(page, text)) << text;
  }
  ReportData data = synthetic_report(3);
  data.surfaces[0].provenance["landscape"]["checkpoint"] = {{"none", "the origin is a mean"}};
  EXPECT_TRUE(contains(page_text(data), "<td>not compared: the origin is a mean</td>"));
}

TEST(Page, SaysThatARunDiverged) {
  ReportData data = synthetic_report(2);
  EXPECT_FALSE(contains(decay_section(data), "diverged"));
  data.runs[1].final_metrics = nullptr;
  EXPECT_EQ(count(decay_section(data), "<td class=\"number\">–</td>"), 5u);  // four of the run, and the main path's
                                                                             // decay
  data.runs[1].diverged = true;
  EXPECT_EQ(count(decay_section(data), "<td class=\"number\">diverged</td>"), 4u);
}

TEST(Page, OfAnEmptyReportStillStands) {
  ReportData data;
  data.title = "nothing yet";
  const std::string page = page_text(data);
  EXPECT_TRUE(contains(page, "<h1>nothing yet</h1>"));
  EXPECT_FALSE(contains(page, "id=\"map\""));
  EXPECT_FALSE(contains(page, "{{"));
}

TEST(Page, SurvivesTextThatIsNotUtf8) {
  ReportData data = synthetic_report(1);
  data.runs[1].name = "branch \xff\xfe";
  EXPECT_NO_THROW(page_text(data));
}

TEST(WriteReport, WritesThePageAndEveryFigure) {
  const TempFolder temporary;
  const fs::path& folder = temporary.path();
  const auto written = write_report(folder, synthetic_report(3));
  ASSERT_EQ(written.size(), 5u);
  EXPECT_EQ(written[0], folder / "report.html");
  for (const char* name : {"surface-train-test.svg", "learning-rate.svg", "loss.svg", "decay-time.svg"}) {
    EXPECT_NE(std::find(written.begin(), written.end(), folder / "figures" / name), written.end()) << name;
  }
  for (const fs::path& file : written) EXPECT_GT(fs::file_size(file), 500u);
}

TEST(Svg, EscapesAndShortens) {
  EXPECT_EQ(escape_xml("a<b>&\"'\x02"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(shorten("abcdef", 4), "ab…f");
  EXPECT_EQ(shorten("abcd", 4), "abcd");
  EXPECT_EQ(shorten("abc", 1), "…");
  EXPECT_EQ(shorten("äöüß!", 4), "äö…!");
}

}  // namespace
}  // namespace thalweg

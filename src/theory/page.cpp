#include "theory/page.h"

#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/html_text.h"
#include "report/page.h"
#include "report/study_tables.h"
#include "report/svg.h"

namespace thalweg {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string noise_text(const TheoryConfig& config) {
  switch (config.noise) {
    case LabelNoise::kNone:
      return "none";
    case LabelNoise::kFixed:
      return fmt::format("standard deviation {:g}, fixed in the data", config.noise_std);
    case LabelNoise::kFresh:
      return fmt::format("standard deviation {:g}, drawn afresh at each step", config.noise_std);
  }
  return "";
}

std::string mean_text(const Statistic& value) {
  if (std::isnan(value.deviation)) return fmt::format("{:.4g}", value.mean);
  return fmt::format("{:.4g} ± {:.2g}", value.mean, value.deviation);
}

std::string run_table(const TheoryStudy& study) {
  const TheoryConfig& config = study.config;
  const std::size_t cells = study.cells.size(), sets = study.problems.size();
  const Facts facts = {{"Dimensions, samples", fmt::format("{}, {}", config.dimensions, config.samples)},
                       {"gamma", fmt::format("{:g}", config.gamma)},
                       {"Label noise", noise_text(config)},
                       {"Steps, batch", fmt::format("{}, {}", config.steps,
                                                    config.batch > 0 ? std::to_string(config.batch) : "all samples")},
                       {"Runs", fmt::format("{}: {} cells on {} data sets", cells * sets, cells, sets)},
                       {"Norm of the minimum-norm solution", mean_text(study.solution_norm())},
                       {"Risk of the minimum-norm solution", mean_text(study.solution_risk())}};
  return fact_table("What was run", facts);
}

const char* meaning_of(Ending ending) {
  switch (ending) {
    case Ending::kDiverged:
      return "at least half of the runs are not finite";
    case Ending::kDescending:
      return "the train loss is above 1 % of its first value and above the level at which label noise may keep it";
    case Ending::kMinimum:
      return "at a minimum whose distance to the minimum-norm solution is more than a fifth of that solution's norm";
    case Ending::kSolution:
      return "the distance to the minimum-norm solution is at most a fifth of that solution's norm";
  }
  return "";
}

std::string ending_table(const TheoryStudy& study) {
  TextTable table{"How the cells ended", {"Ending", "Cells", "Meaning"}, {}};
  std::map<Ending, std::size_t> counts;
  for (std::size_t c = 0; c < study.cells.size(); ++c) ++counts[ending_of(study, c)];
  for (const Ending ending : {Ending::kSolution, Ending::kMinimum, Ending::kDescending, Ending::kDiverged})
    table.rows.push_back({to_string(ending), std::to_string(counts[ending]), meaning_of(ending)});
  return to_html(table);
}

std::string best_table(const TheoryStudy& study) {
  const std::optional<std::size_t> best = best_cell(study);
  if (!best) return "<p>In every cell, at least one run diverged.</p>\n";
  const CellState end = study.final_state(*best);
  return fact_table(
      fmt::format("The cell with the lowest risk among those in which no run diverged ({})",
                  study.problems.size() > 1 ? "mean ± standard deviation over data sets" : "one data set"),
      {{"Cell", study.cells[*best].name},
       {"Risk", mean_text(end.test_risk)},
       {"Train loss", mean_text(end.train_loss)},
       {"Norm relative to that of the minimum-norm solution", mean_text(end.norm_ratio)},
       {"Distance to the minimum-norm solution relative to its norm", mean_text(end.distance_ratio)}});
}

std::string figure_section(const std::vector<Figure>& figures) {
  std::string text = "<section aria-labelledby=\"h-figures\">\n<h2 id=\"h-figures\">Figures</h2>\n";
  for (const Figure& figure : figures) text += "<figure>" + figure.svg + "</figure>\n";
  return text + "</section>\n";
}

}  // namespace

std::string theory_page(const TheoryStudy& study, const std::vector<Figure>& figures) {
  PageParts page;
  page.title = study.config.name;
  page.sections =
      "<section aria-labelledby=\"h-runs\">\n<h2 id=\"h-runs\">The runs</h2>\n"
      "<p class=\"note\">Runs of the model ||w||^gamma w.x (Ren, Ma and Ying, AISTATS 2024). Each cell, which is a "
      "learning rate with a decay time or a schedule, is run on each data set. All cells are listed in cells.csv, and "
      "their paths in curves.csv.</p>\n";
  page.sections +=
      run_table(study) + ending_table(study) + best_table(study) + "</section>\n" + figure_section(figures);
  page.sections += "<section aria-labelledby=\"h-source\">\n<h2 id=\"h-source\">Configuration</h2>\n<pre>" +
                   escape_xml(to_json(study.config).dump(2)) + "</pre>\n</section>\n";
  return static_page(page);
}

}  // namespace thalweg

#include "report/study.h"

#include <algorithm>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/json_member.h"
#include "report/claims.h"
#include "report/decay_comparison.h"
#include "report/page.h"
#include "report/study_tables.h"
#include "report/svg.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json values_json(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(number_or_null(v));
  return out;
}

// One list per seed.
json curves_json(const Results& results, const std::string& run) {
  json out = json::array();
  for (const ReportData& seed : results.seeds) {
    std::vector<double> epochs, losses, accuracies;
    for (const EpochMetrics& m : evaluated_epochs(seed, run)) {
      epochs.push_back(m.epoch);
      losses.push_back(*m.test_loss);
      accuracies.push_back(*m.test_accuracy);
    }
    out.push_back({{"epoch", values_json(epochs)},
                   {"test_loss", values_json(losses)},
                   {"test_accuracy", values_json(accuracies)}});
  }
  return out;
}

// Indented JSON, with lists of numbers on one line.
std::string to_text(const json& value, const std::string& indent = "") {
  const auto is_plain = [](const json& item) { return !item.is_structured(); };
  if (value.empty() || is_plain(value) || (value.is_array() && std::all_of(value.begin(), value.end(), is_plain))) {
    return value.dump();
  }
  const bool named = value.is_object();
  std::string text;
  for (const auto& [key, item] : value.items()) {
    text += fmt::format("{}\n{}  {}{}", text.empty() ? "" : ",", indent, named ? json(key).dump() + ": " : "",
                        to_text(item, indent + "  "));
  }
  return fmt::format("{}{}\n{}{}", named ? '{' : '[', text, indent, named ? '}' : ']');
}

json test_json(const MeanTest& test) {
  return {{"count", test.count},
          {"mean", number_or_null(test.mean)},
          {"std", number_or_null(test.deviation)},
          {"low", number_or_null(test.low)},
          {"high", number_or_null(test.high)},
          {"t", number_or_null(test.t)},
          {"p", number_or_null(test.p)}};
}

json claims_json(const std::vector<Claim>& claims) {
  json out = json::array();
  for (const Claim& c : claims) {
    out.push_back({{"id", c.id},
                   {"text", c.text},
                   {"measured", c.measured},
                   {"verdict", to_string(c.verdict)},
                   {"estimate", number_or_null(c.estimate.mean)},
                   {"low", number_or_null(c.estimate.low)},
                   {"high", number_or_null(c.estimate.high)},
                   {"unit", c.unit},
                   {"seeds", c.estimate.count}});
  }
  return out;
}

json experiment_json(const Results& results) {
  json runs, comparisons = json::array();
  for (const SweepRun& run : sweep_of(results)) {
    json& out = runs[run.name];
    out["fork_epoch"] = number_or_null(run.fork_epoch);
    out["end_epoch"] = number_or_null(run.end_epoch);
    out["last_end_epoch"] = number_or_null(run.last_end_epoch);
    out["diverged"] = run.num_diverged;
    for (const auto& [key, values] : run.values) {
      out[key] = test_json(test_mean(finite_values(values)));
      out[key].erase("t");
      out[key].erase("p");
      out[key]["values"] = values_json(values);
    }
    out["curves"] = curves_json(results, run.name);
  }
  for (const Comparison& c : compare_decay_times(results)) {
    comparisons.push_back({{"run", c.run},
                           {"epoch", c.epoch},
                           {"test_accuracy_points", test_json(c.accuracy)},
                           {"test_loss", test_json(c.loss)},
                           {"test_accuracy_p_holm", number_or_null(c.accuracy_p)},
                           {"test_loss_p_holm", number_or_null(c.loss_p)}});
  }
  return {{"title", results.title},
          {"seeds", results.seeds.size()},
          {"claims", claims_json(claims_of(results))},
          {"runs", runs},
          {"comparisons", comparisons}};
}

// Links to the pages of the seeds in `folder`, if it has any.
std::string seed_links(const fs::path& folder) {
  std::string text;
  for (const fs::path& seed : seed_folders(folder)) {
    const std::string name = escape_xml(seed.filename().string());
    text += fmt::format("<li><a href=\"seeds/{0}/report.html\">Seed {0}: maps, curves, settings</a></li>\n", name);
  }
  return text.empty() ? "" : "<ul>\n" + text + "</ul>\n";
}

// "surface-train-test.svg" of the map that all seeds share; with `index` above 0 "surface-train-test-2.svg" and so on.
std::vector<Figure> study_figures(const Results& results, std::size_t index) {
  std::vector<Figure> figures = sweep_figures(results, index);
  for (Figure& figure : surface_figures(results.shared)) {
    if (index > 0) figure.name = fmt::format("{}-{}.svg", fs::path(figure.name).stem().string(), index + 1);
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace

json study_json(const std::vector<Results>& experiments) {
  json list = json::array();
  for (const Results& results : experiments) list.push_back(experiment_json(results));
  json out = {{"experiments", list}}, across = claims_json(claims_across(experiments));
  if (experiments.size() > 1) {
    out["across"] = across;
  } else {
    json& claims = out["experiments"][0]["claims"];
    claims.insert(claims.end(), across.begin(), across.end());
  }
  return out;
}

std::string study_markdown(const std::vector<Results>& experiments) {
  std::string text = to_markdown(claims_table(experiments));
  for (const Results& results : experiments) {
    if (experiments.size() > 1) text += fmt::format("**{}**\n\n", results.title);
    text += to_markdown(sweep_table(results)) + to_markdown(comparison_table(results));
  }
  return text;
}

std::string claims_section(const std::vector<Results>& experiments) {
  return "<section aria-labelledby=\"h-claims\">\n<h2 id=\"h-claims\">The claims</h2>\n"
         "<p class=\"note\">The claims of Ren, Ma and Ying (AISTATS 2024). Decay times are compared at equal total "
         "epochs; what counts as supported was fixed in advance (docs/claims.md).</p>\n" +
         to_html(claims_table(experiments)) + "</section>\n";
}

std::string sweep_section(const Results& results) {
  const std::string title = escape_xml(results.title);
  std::string text = fmt::format("<section aria-label=\"{0}\">\n<h2>Decay time, {0}</h2>\n", title);
  for (const Figure& figure : study_figures(results, 0)) text += "<figure>" + figure.svg + "</figure>\n";
  return text + to_html(sweep_table(results)) + to_html(comparison_table(results)) + "</section>\n";
}

std::vector<fs::path> write_claims(const fs::path& folder, const std::vector<Results>& experiments) {
  write_file_atomically(folder / "claims.json", to_text(study_json(experiments)) + "\n");
  write_file_atomically(folder / "claims.md", study_markdown(experiments));
  return {folder / "claims.json", folder / "claims.md"};
}

std::vector<fs::path> write_study(const fs::path& folder, const std::vector<Results>& experiments) {
  PageParts page;
  page.title = experiments.size() == 1 ? experiments.front().title : "Late decay, experiment by experiment";
  page.sections = claims_section(experiments);
  for (const Results& results : experiments) page.sections += sweep_section(results);
  page.sections += seed_links(folder);
  std::vector<fs::path> written{folder / "report.html"};
  write_file_atomically(written.front(), static_page(page));
  for (std::size_t k = 0; k < experiments.size(); ++k) {
    for (const Figure& figure : study_figures(experiments[k], k)) {
      written.push_back(folder / "figures" / figure.name);
      write_file_atomically(written.back(), figure.svg);
    }
  }
  return written;
}

std::vector<fs::path> write_summary(const fs::path& experiment) {
  const std::vector<Results> results = {collect_results(experiment)};
  std::vector<fs::path> written;
  if (fs::is_directory(ExperimentFolder{experiment}.seeds())) written = write_study(experiment, results);
  for (fs::path& file : write_claims(experiment, results)) written.push_back(std::move(file));
  return written;
}

}  // namespace thalweg

#include "theory/tables.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace thalweg {
namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string();
}

// Quotes the value if necessary (RFC 4180): the name of a schedule may contain anything.
std::string text(const std::string& value) {
  if (value.find_first_of(",\"\n") == std::string::npos) return value;
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string with_deviation(const Statistic& value) {
  return number(value.mean) + ',' + number(value.deviation);
}

// The columns "cell,rate,decay_at" of a row.
std::string cell_columns(const TheoryCell& cell) {
  return fmt::format("{},{},{}", text(cell.name), cell.rate, cell.decay_at ? fmt::format("{}", *cell.decay_at) : "");
}

}  // namespace

std::string cells_csv(const TheoryStudy& study) {
  std::string out =
      "cell,rate,decay_at,runs,diverged,ending,train_loss,train_loss_std,test_risk,test_risk_std,norm,norm_std,"
      "norm_ratio,norm_ratio_std,distance_ratio,distance_ratio_std\n";
  for (std::size_t c = 0; c < study.cells.size(); ++c) {
    const CellState end = study.final_state(c);
    out += fmt::format("{},{},{},{}", cell_columns(study.cells[c]), study.runs.num_sets, end.diverged,
                       to_string(ending_of(study, c)));
    for (const Statistic* value : {&end.train_loss, &end.test_risk, &end.norm, &end.norm_ratio, &end.distance_ratio})
      out += ',' + with_deviation(*value);
    out += '\n';
  }
  return out;
}

std::string curves_csv(const TheoryStudy& study) {
  const bool flow = !study.flows.empty();
  std::string out = "cell,rate,decay_at,step,lr,diverged,train_loss,test_risk,norm,norm_ratio,distance_ratio";
  out += flow ? ",flow_train_loss,flow_test_risk,flow_norm\n" : "\n";
  for (std::size_t c = 0; c < study.cells.size(); ++c) {
    for (std::size_t r = 0; r < study.runs.steps.size(); ++r) {
      const std::int64_t step = study.runs.steps[r];
      const CellState state = study.state(c, r);
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{},{},{}", cell_columns(study.cells[c]), step,
                     study.cells[c].schedule.lr(step), state.diverged, number(state.train_loss.mean),
                     number(state.test_risk.mean), number(state.norm.mean), number(state.norm_ratio.mean),
                     number(state.distance_ratio.mean));
      if (flow) {
        const FlowPoint& point = study.flows[c][r];
        fmt::format_to(std::back_inserter(out), ",{},{},{}", number(point.train_loss), number(point.test_risk),
                       number(point.norm));
      }
      out += '\n';
    }
  }
  return out;
}

std::string phases_csv(const TheoryStudy& study) {
  std::string out = "cell,rate,decay_at";
  for (const char* phase : {"start", "descended", "decayed", "end"})
    out += fmt::format(",{0}_step,{0}_train_loss,{0}_test_risk,{0}_norm_ratio", phase);
  out += '\n';
  for (std::size_t c = 0; c < study.cells.size(); ++c) {
    out += cell_columns(study.cells[c]);
    const std::size_t end = study.runs.steps.size() - 1;
    for (const std::optional<std::size_t> r :
         {std::optional<std::size_t>(0), end_of_descent(study, c), {phases_of(study, c).decayed}, {end}}) {
      if (!r) {
        out += ",,,,";
        continue;
      }
      const CellState state = study.state(c, *r);
      out += fmt::format(",{},{},{},{}", study.runs.steps[*r], number(state.train_loss.mean),
                         number(state.test_risk.mean), number(state.norm_ratio.mean));
    }
    out += '\n';
  }
  return out;
}

}  // namespace thalweg

#include <algorithm>

#include "base/error.h"
#include "io/json_member.h"
#include "report/color_bar.h"
#include "report/levels.h"
#include "report/map_panel.h"
#include "report/map_paths.h"
#include "report/minima.h"
#include "report/window_maps.h"

namespace thalweg {
namespace {

constexpr double kWidth = 1120;
constexpr double kLeft = 72;
constexpr double kTop = 34;
constexpr double kGap = 52;     // between columns, for the numbers of the y axis
constexpr double kRowGap = 74;  // between rows, for the x axis's numbers and label and the next title
constexpr double kLegendGap = 52;
constexpr std::size_t kColumns = 4;
constexpr std::size_t kMaxLevels = 24;

struct Split {
  const char* key;
  const char* name;
};
constexpr Split kSplits[] = {{"train_loss", "Train loss"}, {"test_loss", "Test loss"}};

// Returns the splits that any of the maps has.
std::vector<Split> splits_of(const WindowMaps& maps) {
  std::vector<Split> out;
  for (const Split& split : kSplits) {
    if (std::any_of(maps.surfaces.begin(), maps.surfaces.end(), [&](const Surface* s) { return s->has(split.key); }))
      out.push_back(split);
  }
  return out;
}

LevelScale common_scale(const WindowMaps& maps, const std::vector<Split>& splits) {
  std::vector<const std::vector<double>*> values;
  for (const Surface* surface : maps.surfaces) {
    for (const Split& split : splits) {
      if (surface->has(split.key)) values.push_back(&surface->values.at(split.key));
    }
  }
  return choose_levels(values, kMaxLevels);
}

std::string explained_label(const Surface& surface) {
  const nlohmann::json shares = member(surface.provenance, "explained_variance");
  return fmt::format("explains {:.1f} %", 100 * (shares.at(0).get<double>() + shares.at(1).get<double>()));
}

}  // namespace

std::string window_figure(const ReportData& data, const WindowMaps& maps) {
  const std::vector<Split> splits = splits_of(maps);
  const LevelScale scale = common_scale(maps, splits);
  const std::size_t columns = std::min(kColumns, maps.surfaces.size());
  const double side = (kWidth - kLeft - kColorBarSpace - static_cast<double>(columns) * kGap) / kColumns;
  const std::size_t rows = (maps.surfaces.size() + columns - 1) / columns * splits.size();
  const double height = static_cast<double>(rows) * (side + kRowGap) - kRowGap;
  const double width = kLeft + static_cast<double>(columns) * (side + kGap) + kColorBarSpace;
  std::vector<Map> all;
  for (const Surface* surface : maps.surfaces) {
    all.push_back(
        {data, *surface, scale, map_color, find_minima(*surface), paths_by_run(*surface), off_plane_limit(*surface)});
  }
  const std::vector<LegendEntry> entries = map_legend(all.front());
  const std::string words = maps.explained_sentence() +
                            " Each map has its own plane and axes, and its two axes are not to the same scale; all "
                            "maps share one colour scale. Fainter: parts of the paths that are far from the plane.";
  const double text_width = width - kLeft - 20, legend_top = kTop + height + kLegendGap;
  Svg svg(width, legend_top + legend_height(text_width, entries) + caption_height(text_width, words) + 20,
          fmt::format("{}: loss along the path, in {} windows", data.title, maps.of), words);
  for (std::size_t k = 0; k < all.size(); ++k) {
    for (std::size_t s = 0; s < splits.size(); ++s) {
      const Surface& surface = all[k].surface;
      if (!surface.has(splits[s].key)) continue;
      const std::size_t row = k / columns * splits.size() + s;
      const Panel panel{kLeft + static_cast<double>(k % columns) * (side + kGap),
                        kTop + static_cast<double>(row) * (side + kRowGap),
                        side,
                        side,
                        {surface.x.front(), surface.x.back(), false, explained_label(surface)},
                        {surface.y.front(), surface.y.back(), false, k % columns == 0 ? splits[s].name : ""}};
      const std::string title = s == 0 ? maps.about(k) : "";
      draw_map_panel(&svg, all[k], panel, {splits[s].key, "", title, surface.values.at(splits[s].key)});
    }
  }
  draw_color_bar(&svg, scale, {width - kColorBarSpace + 12, kTop}, height, data.loss_label);
  const double used = draw_legend(&svg, {kLeft, legend_top}, text_width, entries);
  draw_caption(&svg, {kLeft, legend_top + used + 8}, text_width, words);
  return svg.finish();
}

}  // namespace thalweg

#include "landscape/adaptive_point.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace thalweg {
namespace {

using nlohmann::json;

json binary(const std::string& bytes) {
  return json::binary({bytes.begin(), bytes.end()});
}

}  // namespace

Journal::Point to_journal(const AdaptivePoint& point) {
  Journal::Point record{{static_cast<double>(point.cell)}, {}};
  for (const SplitEstimate& split : point.splits) append(record.values, split);
  json notes = {{"pass", point.pass}, {"evaluations", point.evaluations}, {"images", json::array()}};
  for (const std::string& bytes : point.images) notes["images"].push_back(binary(bytes));
  if (point.audit) {
    notes["audit"] = {
        {"pass", point.audit->pass}, {"deviations", point.audit->deviations}, {"violated", point.audit->violated}};
  }
  json::to_cbor(notes, record.images);
  return record;
}

AdaptivePoint adaptive_point(const Journal::Point& record, std::size_t num_splits, std::int64_t num_classes) {
  AdaptivePoint point;
  const std::size_t of_split = estimate_names("", num_classes).size();
  check(record.values.size() > num_splits * of_split, "a journal's point has {} values, too few for an adaptive map",
        record.values.size());
  point.cell = static_cast<Cell>(static_cast<int>(record.values[0]));
  for (std::size_t s = 0; s < num_splits; ++s) {
    const double* begin = record.values.data() + 1 + of_split * s;
    point.splits.push_back(read_estimate(begin, begin + of_split));
  }
  try {
    const json notes = json::from_cbor(record.images);
    for (const json& bytes : notes.at("images")) {
      const json::binary_t& images = bytes.get_binary();
      point.images.emplace_back(images.begin(), images.end());
    }
    check(point.images.size() == num_splits, "it has {} splits, expected {}", point.images.size(), num_splits);
    point.pass = notes.at("pass").get<int>();
    point.evaluations = notes.at("evaluations").get<double>();
    if (notes.contains("audit")) {
      const json& audit = notes["audit"];
      point.audit = AdaptivePoint::Audit{audit.at("pass").get<int>(), audit.at("deviations").get<std::vector<double>>(),
                                         audit.at("violated").get<bool>()};
    }
  } catch (const std::exception& error) {
    fail(
        "the journal of this adaptive map cannot be read: {}; another version may have written it: remove it to start "
        "the map over",
        error.what());
  }
  return point;
}

}  // namespace thalweg

// A point of an adaptive map, as its journal keeps it: cell and values as estimated_names has them, then in CBOR (RFC
// 8949) how it came about and, of splits that are nodes, their single images (kept_images.h).
#pragma once

#include <optional>
#include <vector>

#include "landscape/journal.h"
#include "landscape/split_estimate.h"
#include "landscape/surface.h"

namespace thalweg {

struct AdaptivePoint {
  struct Audit {
    int pass = 0;                    // the one that it was part of
    std::vector<double> deviations;  // by split, nats
    bool violated = false;
  };

  Cell cell = Cell::kExact;
  std::vector<SplitEstimate> splits;
  std::vector<std::string> images;  // by split, the bytes of its images; empty where it is no node
  int pass = 0;                     // that it was made in
  double evaluations = 0;           // of images so far, those for batch norm's statistics and for audits included
  std::optional<Audit> audit;
};

Journal::Point to_journal(const AdaptivePoint& point);
// Error if the record is none of an adaptive map's.
AdaptivePoint adaptive_point(const Journal::Point& record, std::size_t num_splits, std::int64_t num_classes);

}  // namespace thalweg

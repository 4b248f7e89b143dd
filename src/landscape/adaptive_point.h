// A point of an adaptive map in the form that its journal keeps: cell and values in the order of estimated_names,
// followed by CBOR (RFC 8949) that records how the point was made and, for splits that are nodes, the values of single
// images (kept_images.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "landscape/journal.h"
#include "landscape/split_estimate.h"
#include "landscape/surface.h"

namespace thalweg {

struct AdaptivePoint {
  struct Audit {
    int pass = 0;                    // the pass that the audit belongs to
    std::vector<double> deviations;  // by split, nats
    bool violated = false;
  };

  Cell cell = Cell::kExact;
  std::vector<SplitEstimate> splits;
  std::vector<std::string> images;  // by split, the bytes of its images; empty unless a node
  int pass = 0;                     // the pass in which the point was made
  double evaluations = 0;           // images evaluated so far, including batch-norm statistics and audits
  std::optional<Audit> audit;
};

Journal::Point to_journal(const AdaptivePoint& point);
// Throws Error if the record does not belong to an adaptive map.
AdaptivePoint adaptive_point(const Journal::Point& record, std::size_t num_splits, std::int64_t num_classes);

}  // namespace thalweg

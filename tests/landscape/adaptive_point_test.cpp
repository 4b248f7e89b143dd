#include "landscape/adaptive_point.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

constexpr std::int64_t kClasses = 2;

// An estimate with distinct values and errors.
SplitEstimate estimate_of(double first, double error, std::int64_t images) {
  SplitEstimate out{{}, images};
  for (std::size_t k = 0; k < summary_names("", kClasses).size(); ++k)
    out.values.push_back({first + static_cast<double>(k), error * static_cast<double>(k + 1)});
  return out;
}

AdaptivePoint point_of(Cell cell) {
  AdaptivePoint point;
  point.cell = cell;
  point.splits = {estimate_of(1.5, 0.01, 300), estimate_of(2.5, 0, 1000)};
  point.images = {"", std::string("\0\1\377 bytes", 9)};
  point.pass = 1;
  point.evaluations = 1800;
  return point;
}

TEST(AdaptivePoint, ComesBackFromAJournal) {
  AdaptivePoint point = point_of(Cell::kEstimated);
  for (const bool with_audit : {false, true}) {
    if (with_audit) point.audit = AdaptivePoint::Audit{1, {0.002, 0}, true};
    Journal::Point record = to_journal(point);
    const std::vector<double>& v = record.values;
    const std::size_t of_split = estimate_names("", kClasses).size();
    ASSERT_EQ(v.size(), 1 + 2 * of_split);
    EXPECT_EQ(v[0], 1);
    EXPECT_EQ((std::vector<double>{v[1], v[2], v[of_split / 2 + 1], v[of_split]}),
              (std::vector<double>{1.5, 2.5, 0.01, 300}));
    EXPECT_EQ((std::vector<double>{v[of_split + 1], v[of_split + 2], v[2 * of_split]}),
              (std::vector<double>{2.5, 3.5, 1000}));
    record.values.push_back(0);  // with an engine: whether it fell back to float32
    const AdaptivePoint back = adaptive_point(record, 2, kClasses);
    EXPECT_EQ(back.cell, Cell::kEstimated);
    EXPECT_EQ(to_journal(back).values, to_journal(point).values);
    EXPECT_EQ(back.images, point.images);
    EXPECT_EQ(back.pass, 1);
    EXPECT_EQ(back.evaluations, 1800);
    ASSERT_EQ(back.audit.has_value(), with_audit);
    if (!with_audit) continue;
    EXPECT_EQ(back.audit->deviations, point.audit->deviations);
    EXPECT_TRUE(back.audit->violated);
  }
}

TEST(AdaptivePoint, SaysWhatToDoWithAnotherVersionsJournal) {
  Journal::Point record = to_journal(point_of(Cell::kExact));
  for (const char* bytes : {"", "\1", "not CBOR at all"}) {
    record.images = bytes;
    expect_error([&] { adaptive_point(record, 2, kClasses); }, "remove it to start the map over");
  }
  expect_error([&] { adaptive_point(to_journal(point_of(Cell::kExact)), 1, kClasses); }, "remove it");
  expect_error([&] { adaptive_point({{0, 1}, ""}, 2, kClasses); }, "too few");
}

}  // namespace
}  // namespace thalweg

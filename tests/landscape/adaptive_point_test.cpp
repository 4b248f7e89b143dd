#include "landscape/adaptive_point.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

AdaptivePoint point_of(Cell cell) {
  AdaptivePoint point;
  point.cell = cell;
  point.splits = {{{1.5, 0.01}, {60, 0.5}, 300}, {{2.5, 0}, {40, 0}, 1000}};
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
    EXPECT_EQ(record.values, (std::vector<double>{1, 1.5, 60, 0.01, 0.5, 300, 2.5, 40, 0, 0, 1000}));
    record.values.push_back(0);  // whether it fell back, where there is an engine
    const AdaptivePoint back = adaptive_point(record, 2);
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
    expect_error([&] { adaptive_point(record, 2); }, "remove it to begin the map anew");
  }
  expect_error([&] { adaptive_point(to_journal(point_of(Cell::kExact)), 1); }, "remove it");
  expect_error([&] { adaptive_point({{0, 1}, ""}, 2); }, "too few");
}

}  // namespace
}  // namespace thalweg

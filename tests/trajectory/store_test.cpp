#include "trajectory/store.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kParams = 5;
constexpr std::int64_t kBuffers = 3;
constexpr std::int64_t kRowBytes = (kParams + kBuffers) * 4;

SnapshotInfo info_of(std::int64_t step) {
  return {step, static_cast<double>(step) / 4, 0.1, 1.0 / static_cast<double>(step + 1), "epochs"};
}
at::Tensor weights_of(std::int64_t step) {
  return at::arange(kParams, at::kFloat) + static_cast<double>(10 * step);
}
at::Tensor buffers_of(std::int64_t step) {
  return at::full({kBuffers}, static_cast<double>(-step), at::kFloat);
}

void append(TrajectoryWriter& writer, std::int64_t step) {
  writer.append(info_of(step), weights_of(step), buffers_of(step));
}

void write_steps(const fs::path& folder, const std::vector<std::int64_t>& steps) {
  TrajectoryWriter writer(folder, kParams, kBuffers);
  for (const std::int64_t step : steps) append(writer, step);
}

void expect_steps(const fs::path& folder, const std::vector<std::int64_t>& steps) {
  const TrajectoryReader reader(folder);
  reader.verify();
  ASSERT_EQ(reader.size(), static_cast<std::int64_t>(steps.size()));
  for (std::int64_t i = 0; i < reader.size(); ++i) {
    const std::int64_t step = steps[static_cast<std::size_t>(i)];
    EXPECT_EQ(reader.info(i).step, step);
    EXPECT_TRUE(at::equal(reader.weights(i), weights_of(step)));
    EXPECT_TRUE(at::equal(reader.buffers(i), buffers_of(step)));
  }
}

void append_bytes(const fs::path& file, std::size_t count) {
  std::ofstream(file, std::ios::binary | std::ios::app) << std::string(count, '\x7f');
}

void flip_byte(const fs::path& file, std::int64_t offset) {
  std::string bytes = read_file(file);
  bytes[static_cast<std::size_t>(offset)] = static_cast<char>(bytes[static_cast<std::size_t>(offset)] ^ 1);
  write_file_atomically(file, bytes);
}

TEST(TrajectoryStore, GivesBackWhatWasWritten) {
  TempFolder folder;
  write_steps(folder / "trajectory", {0, 4, 9});
  expect_steps(folder / "trajectory", {0, 4, 9});
  const TrajectoryReader reader(folder / "trajectory");
  EXPECT_EQ(reader.num_params(), kParams);
  EXPECT_EQ(reader.num_buffers(), kBuffers);
  EXPECT_EQ(reader.info(1).epoch, 1.0);
  EXPECT_EQ(reader.info(1).lr, 0.1);
  EXPECT_EQ(reader.info(1).loss, 0.2);
  EXPECT_EQ(reader.info(1).reason, "epochs");
  EXPECT_EQ(fs::file_size(folder / "trajectory" / "weights.f32"), static_cast<std::uintmax_t>(3 * kRowBytes));
}

TEST(TrajectoryStore, EmptyOneHasNoSnapshots) {
  TempFolder folder;
  write_steps(folder.path(), {});
  const TrajectoryReader reader(folder.path());
  EXPECT_EQ(reader.size(), 0);
  reader.verify();
  expect_error([&] { reader.info(0); }, "snapshot 0 of 0");
  expect_error([&] { reader.weights(-1); }, "snapshot -1 of 0");
}

TEST(TrajectoryStore, WorksWithoutBuffers) {
  TempFolder folder;
  {
    TrajectoryWriter writer(folder.path(), 1, 0);
    writer.append(info_of(0), at::full({1}, 2.5, at::kFloat), at::empty({0}, at::kFloat));
  }
  const TrajectoryReader reader(folder.path());
  reader.verify();
  EXPECT_EQ(reader.weights(0).item<float>(), 2.5f);
  EXPECT_EQ(reader.buffers(0).numel(), 0);
}

TEST(TrajectoryStore, ViewsOutliveTheReaderAndShareTheMap) {
  TempFolder folder;
  write_steps(folder.path(), {0, 1});
  at::Tensor first, second;
  {
    const TrajectoryReader reader(folder.path());
    first = reader.weights(0);
    second = reader.weights(1);
  }
  EXPECT_EQ(second.const_data_ptr<float>() - first.const_data_ptr<float>(), kParams + kBuffers);
  EXPECT_TRUE(at::equal(second, weights_of(1)));
}

TEST(TrajectoryStore, KeepsMissingAndDivergedLossesAsMissing) {
  TempFolder folder;
  {
    TrajectoryWriter writer(folder.path(), kParams, kBuffers);
    writer.append({0, 0, 0.1, std::nullopt, "first"}, weights_of(0), buffers_of(0));
    writer.append({1, 0, 0.1, std::nan(""), "last"}, weights_of(1), buffers_of(1));
  }
  const TrajectoryReader reader(folder.path());
  EXPECT_FALSE(reader.info(0).loss);
  EXPECT_FALSE(reader.info(1).loss);
}

TEST(TrajectoryStore, WritesStridedTensorsAsTheyRead) {
  TempFolder folder;
  {
    TrajectoryWriter writer(folder.path(), kParams, kBuffers);
    at::Tensor wide = at::empty({kParams, 2}, at::kFloat);
    wide.select(1, 1).copy_(weights_of(0));
    writer.append(info_of(0), wide.select(1, 1), buffers_of(0));
  }
  expect_steps(folder.path(), {0});
}

TEST(TrajectoryStore, GoesOnWhereItWas) {
  TempFolder whole, parts;
  write_steps(whole.path(), {0, 1, 2, 3});
  write_steps(parts.path(), {0, 1});
  write_steps(parts.path(), {2, 3});
  for (const char* file : {"weights.f32", "index.log"}) EXPECT_EQ(read_file(whole / file), read_file(parts / file));
}

TEST(TrajectoryStore, ResumeFromACheckpointGivesTheBytesOfAnUninterruptedRun) {
  for (std::int64_t keep = 0; keep <= 4; ++keep) {
    TempFolder whole, resumed;
    write_steps(whole.path(), {0, 1, 2, 3, 4});
    write_steps(resumed.path(), {0, 1, 2, 3});  // killed after the snapshot of step 3
    {
      TrajectoryWriter writer(resumed.path(), kParams, kBuffers);
      writer.truncate(keep);
      EXPECT_EQ(writer.count(), keep);
      for (std::int64_t step = keep; step <= 4; ++step) append(writer, step);
    }
    expect_steps(resumed.path(), {0, 1, 2, 3, 4});
    for (const char* file : {"weights.f32", "index.log"}) {
      EXPECT_EQ(read_file(whole / file), read_file(resumed / file)) << keep;
    }
  }
}

TEST(TrajectoryStore, RowsWithoutARecordAreCutOff) {
  // As if killed within a row, after a whole row, and within the row after that.
  for (const std::int64_t torn : {std::int64_t{1}, kRowBytes - 1, kRowBytes, kRowBytes + 5}) {
    TempFolder folder, whole;
    write_steps(whole.path(), {0, 1, 2});
    write_steps(folder.path(), {0, 1});
    append_bytes(folder / "weights.f32", static_cast<std::size_t>(torn));
    expect_steps(folder.path(), {0, 1});
    write_steps(folder.path(), {2});
    for (const char* file : {"weights.f32", "index.log"}) {
      EXPECT_EQ(read_file(whole / file), read_file(folder / file)) << torn;
    }
  }
}

TEST(TrajectoryStore, RecordsTornAtAnyByteDropTheirSnapshot) {
  TempFolder before, after;
  write_steps(before.path(), {0, 1});
  write_steps(after.path(), {0, 1, 2});
  const std::string index = read_file(after / "index.log");
  for (std::size_t length = read_file(before / "index.log").size(); length < index.size(); ++length) {
    TempFolder folder;
    write_file_atomically(folder / "weights.f32", read_file(after / "weights.f32"));
    write_file_atomically(folder / "index.log", index.substr(0, length));
    expect_steps(folder.path(), {0, 1});
    write_steps(folder.path(), {2});
    expect_steps(folder.path(), {0, 1, 2});
    EXPECT_EQ(read_file(folder / "index.log"), index) << length;
    EXPECT_EQ(read_file(folder / "weights.f32"), read_file(after / "weights.f32")) << length;
  }
}

TEST(TrajectoryStore, KilledBeforeTheFirstRowStartsAfresh) {
  TempFolder folder, whole;
  write_steps(whole.path(), {0});
  write_steps(folder.path(), {});
  fs::remove(folder / "weights.f32");  // the index is written first
  write_steps(folder.path(), {0});
  EXPECT_EQ(read_file(whole / "index.log"), read_file(folder / "index.log"));
  expect_steps(folder.path(), {0});
}

TEST(TrajectoryStore, NamesTheDamagedRow) {
  TempFolder folder;
  write_steps(folder.path(), {0, 7, 9});
  flip_byte(folder / "weights.f32", kRowBytes + kParams * 4 + 2);  // in the buffers of the second row
  const TrajectoryReader reader(folder.path());
  expect_error([&] { reader.verify(); }, "row 1 (step 7)");
}

TEST(TrajectoryStore, NamesMissingRows) {
  TempFolder folder;
  write_steps(folder.path(), {0, 1});
  fs::resize_file(folder / "weights.f32", 2 * kRowBytes - 1);
  expect_error([&] { TrajectoryReader reader(folder.path()); }, "2 snapshots of 32 bytes");
  expect_error([&] { write_steps(folder.path(), {}); }, "2 snapshots of 32 bytes");
}

TEST(TrajectoryStore, RejectsAFolderOfAnotherModel) {
  TempFolder folder;
  write_steps(folder.path(), {0});
  expect_error([&] { TrajectoryWriter(folder.path(), kParams + 1, kBuffers); }, "6 weights and 3 buffers");
  expect_steps(folder.path(), {0});
}

TEST(TrajectoryStore, RejectsAFolderWithoutATrajectory) {
  TempFolder folder;
  expect_error([&] { TrajectoryReader reader(folder / "none"); }, "index.log");
  write_file_atomically(folder / "index.log", "something else");
  expect_error([&] { TrajectoryReader reader(folder.path()); }, "index.log");
}

TEST(TrajectoryStore, RejectsRecordsThatAreNoSnapshots) {
  TempFolder folder;
  const std::string header = R"({"num_buffers":3,"num_params":5,"version":1})";
  for (const char* record : {"not json", R"({"row": 0, "step": 1})", R"({"row": 1})", "[]"}) {
    fs::remove(folder / "index.log");
    write_file_atomically(folder / "weights.f32", std::string(kRowBytes, '\0'));
    RecordLog(folder / "index.log", header, "").append(record);
    expect_error([&] { TrajectoryReader reader(folder.path()); }, "record 0 of");
  }
  fs::remove(folder / "index.log");
  RecordLog(folder / "index.log", R"({"num_buffers":3,"num_params":5,"version":2})", "");
  expect_error([&] { TrajectoryReader reader(folder.path()); }, "version is 2");
}

TEST(TrajectoryStore, RejectsWrongTensorsAndSteps) {
  TempFolder folder;
  TrajectoryWriter writer(folder.path(), kParams, kBuffers);
  append(writer, 5);
  const at::Tensor weights = weights_of(6), buffers = buffers_of(6);
  expect_error([&] { writer.append(info_of(5), weights, buffers); }, "step 5 cannot follow");
  expect_error([&] { writer.append(info_of(6), weights.to(at::kDouble), buffers); }, "weights must be float32 [5]");
  expect_error([&] { writer.append(info_of(6), weights, weights); }, "buffers must be float32 [3]");
  expect_error([&] { writer.append(info_of(6), weights.view({1, 5}), buffers); }, "[1, 5]");
  expect_error([&] { writer.append(info_of(6), at::Tensor(), buffers); }, "nothing");
  expect_error([&] { writer.append({6, 0, std::nan(""), {}, ""}, weights, buffers); }, "rate nan");
  expect_error([&] { writer.truncate(2); }, "is damaged: it holds 1 snapshots, but 2 were stored");
  expect_error([&] { TrajectoryWriter(folder / "other", 0, 1); }, "at least one weight");
  EXPECT_EQ(writer.count(), 1);
  append(writer, 6);
  expect_steps(folder.path(), {5, 6});
}

TEST(TrajectoryStore, FullDiskLeavesItAsItWas) {
  TempFolder folder;
  const std::int64_t num_params = 100'000;
  const at::Tensor weights = at::arange(num_params, at::kFloat), buffers = at::empty({0}, at::kFloat);
  TrajectoryWriter writer(folder.path(), num_params, 0);
  writer.append(info_of(0), weights, buffers);
  {
    const FileSizeLimit limit(600'000);  // one and a half rows
    expect_error([&] { writer.append(info_of(1), weights, buffers); }, "weights.f32");
  }
  EXPECT_EQ(writer.count(), 1);
  EXPECT_EQ(fs::file_size(folder / "weights.f32"), 400'000u);
  writer.append(info_of(1), weights, buffers);
  const TrajectoryReader reader(folder.path());
  reader.verify();
  EXPECT_EQ(reader.size(), 2);
}

TEST(TrajectoryStore, CanBeReadWhileItGrows) {
  TempFolder folder;
  TrajectoryWriter writer(folder.path(), kParams, kBuffers);
  append(writer, 0);
  const TrajectoryReader reader(folder.path());
  append(writer, 1);
  EXPECT_EQ(reader.size(), 1);
  reader.verify();
  expect_steps(folder.path(), {0, 1});
}

}  // namespace
}  // namespace thalweg

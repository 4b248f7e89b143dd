#include "trajectory/store.h"

#include <bit>
#include <cmath>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <ATen/ops/from_blob.h>

#include "base/digest.h"
#include "base/error.h"
#include "io/posix_file.h"

namespace thalweg {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "rows are written as they lie in memory: little-endian");

constexpr int kVersion = 1;

std::string header_text(std::int64_t num_params, std::int64_t num_buffers) {
  check(num_params >= 1 && num_buffers >= 0, "a trajectory of {} weights and {} buffers: expected at least one weight",
        num_params, num_buffers);
  return json{{"version", kVersion}, {"num_params", num_params}, {"num_buffers", num_buffers}}.dump();
}

std::string mismatch_advice(const fs::path& folder, std::int64_t num_params, std::int64_t num_buffers) {
  return fmt::format(
      "the trajectory in {} was written for another model; this one has {} weights and {} buffers. Choose a new folder "
      "for the run, or use the model that it was started with",
      folder.string(), num_params, num_buffers);
}

void check_count(const fs::path& folder, std::int64_t count, std::int64_t needed) {
  check(needed >= 0 && needed <= count,
        "{} is damaged: it holds {} snapshots, but {} were stored; restore the file, or remove the run's folder to "
        "train the run again",
        trajectory_index(folder).string(), count, needed);
}

// Returns the folder if it holds at least so many snapshots. Opening the log for writing would cut off the rest behind
// a damaged record.
fs::path holding(fs::path folder, std::int64_t at_least) {
  if (at_least == 0) return folder;
  const fs::path index = trajectory_index(folder);
  const std::size_t records = fs::exists(index) ? read_record_log(index).size() : 1;  // the header first
  check_count(folder, static_cast<std::int64_t>(records) - 1, at_least);
  return folder;
}

// Creates the folder, which must exist before the log is opened in it.
fs::path made(const fs::path& folder) {
  create_folders(folder);
  return folder;
}

at::Tensor as_row(const at::Tensor& tensor, std::int64_t size, const char* what) {
  check(tensor.defined() && tensor.scalar_type() == at::kFloat && tensor.dim() == 1 && tensor.numel() == size,
        "a snapshot's {} must be float32 [{}], but got {} {}", what, size,
        tensor.defined() ? c10::toString(tensor.scalar_type()) : "nothing",
        tensor.defined() ? fmt::format("[{}]", fmt::join(tensor.sizes(), ", ")) : "");
  return tensor.detach().to(at::kCPU).contiguous();
}

std::uint32_t row_checksum(const float* weights, std::int64_t num_params, const float* buffers,
                           std::int64_t num_buffers) {
  const std::uint32_t first = crc32_of(weights, static_cast<std::size_t>(num_params) * sizeof(float));
  return crc32_of(buffers, static_cast<std::size_t>(num_buffers) * sizeof(float), first);
}

json record_of(const SnapshotInfo& info, std::int64_t row, std::uint32_t checksum) {
  const bool has_loss = info.loss && std::isfinite(*info.loss);
  return {{"row", row},
          {"step", info.step},
          {"epoch", info.epoch},
          {"lr", info.lr},
          {"loss", has_loss ? json(*info.loss) : json()},
          {"reason", info.reason},
          {"crc32", checksum}};
}

struct Record {
  SnapshotInfo info;
  std::uint32_t checksum = 0;
};

// The record log has checked the bytes; this checks their meaning.
Record parse_record(const std::string& text, std::size_t row, const fs::path& folder) {
  try {
    const json value = json::parse(text);
    if (value.at("row").get<std::size_t>() != row) throw std::runtime_error("it is out of order");
    Record record;
    record.info.step = value.at("step").get<std::int64_t>();
    record.info.epoch = value.at("epoch").get<double>();
    record.info.lr = value.at("lr").get<double>();
    if (!value.at("loss").is_null()) record.info.loss = value.at("loss").get<double>();
    record.info.reason = value.at("reason").get<std::string>();
    record.checksum = value.at("crc32").get<std::uint32_t>();
    return record;
  } catch (const std::exception& error) {
    fail("record {} of {} is not a valid snapshot record: {}", row, trajectory_index(folder).string(), error.what());
  }
}

[[noreturn]] void fail_missing_rows(const fs::path& rows, std::int64_t bytes, std::size_t count,
                                    std::int64_t row_bytes) {
  fail(
      "{} holds {} bytes, but its index lists {} snapshots of {} bytes: restore the file, or remove the folder and run "
      "again",
      rows.string(), bytes, count, row_bytes);
}

}  // namespace

fs::path trajectory_index(const fs::path& folder) {
  return folder / "index.log";
}

fs::path trajectory_rows(const fs::path& folder) {
  return folder / "weights.f32";
}

TrajectoryWriter::TrajectoryWriter(const fs::path& folder, std::int64_t num_params, std::int64_t num_buffers,
                                   std::int64_t at_least)
    : rows_path_(trajectory_rows(holding(made(folder), at_least))),
      num_params_(num_params),
      num_buffers_(num_buffers),
      log_(trajectory_index(folder), header_text(num_params, num_buffers),
           mismatch_advice(folder, num_params, num_buffers)),
      file_(open_or_fail(rows_path_, O_RDWR | O_CREAT, "open")) {
  for (const std::string& record : log_.take_found())
    steps_.push_back(parse_record(record, steps_.size(), folder).info.step);
  const std::int64_t bytes = static_cast<std::int64_t>(file_size_of(file_.get(), rows_path_));
  if (bytes < count() * row_bytes()) fail_missing_rows(rows_path_, bytes, steps_.size(), row_bytes());
  cut_rows(count());
  sync_folder(folder);
}

void TrajectoryWriter::append(const SnapshotInfo& info, const at::Tensor& weights, const at::Tensor& buffers) {
  check(steps_.empty() || info.step > steps_.back(), "a snapshot of step {} cannot follow that of step {}", info.step,
        steps_.empty() ? 0 : steps_.back());
  check(std::isfinite(info.epoch) && std::isfinite(info.lr), "a snapshot at epoch {} with rate {} cannot be stored",
        info.epoch, info.lr);
  const at::Tensor weight_row = as_row(weights, num_params_, "weights");
  const at::Tensor buffer_row = as_row(buffers, num_buffers_, "buffers");
  const std::uint32_t checksum =
      row_checksum(weight_row.const_data_ptr<float>(), num_params_, buffer_row.const_data_ptr<float>(), num_buffers_);
  try {
    write_row(weight_row, buffer_row);
    log_.append(record_of(info, count(), checksum).dump());
  } catch (...) {
    // Frees the space; if even that fails, the next writer cuts the row off.
    [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), count() * row_bytes());
    throw;
  }
  steps_.push_back(info.step);
}

void TrajectoryWriter::write_row(const at::Tensor& weights, const at::Tensor& buffers) {
  if (::lseek(file_.get(), count() * row_bytes(), SEEK_SET) < 0) fail_with_errno("seek in", rows_path_);
  write_all(file_.get(), weights.const_data_ptr(), static_cast<std::size_t>(num_params_) * sizeof(float), rows_path_);
  write_all(file_.get(), buffers.const_data_ptr(), static_cast<std::size_t>(num_buffers_) * sizeof(float), rows_path_);
  sync_file(file_.get(), rows_path_);
}

void TrajectoryWriter::truncate(std::int64_t keep) {
  check_count(rows_path_.parent_path(), count(), keep);
  if (keep == count()) return;
  log_.truncate(static_cast<std::size_t>(keep));
  steps_.resize(static_cast<std::size_t>(keep));
  cut_rows(keep);
}

void TrajectoryWriter::cut_rows(std::int64_t keep) {
  if (::ftruncate(file_.get(), keep * row_bytes()) != 0) fail_with_errno("shorten", rows_path_);
}

TrajectoryReader::TrajectoryReader(const fs::path& folder) : rows_path_(trajectory_rows(folder)) {
  // Read the index before the rows: a writer may be appending to both.
  const std::vector<std::string> records = read_record_log(trajectory_index(folder));
  check(!records.empty(), "{} has no header", trajectory_index(folder).string());
  try {
    const json header = json::parse(records.front());
    const int version = header.at("version").get<int>();
    if (version != kVersion) throw std::runtime_error(fmt::format("its version is {}", version));
    num_params_ = header.at("num_params").get<std::int64_t>();
    num_buffers_ = header.at("num_buffers").get<std::int64_t>();
    if (num_params_ < 1 || num_buffers_ < 0) throw std::runtime_error("its sizes are invalid");
  } catch (const std::exception& error) {
    fail("{} is not the index of a trajectory of version {}: {}", trajectory_index(folder).string(), kVersion,
         error.what());
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    Record record = parse_record(records[i], i - 1, folder);
    infos_.push_back(std::move(record.info));
    checksums_.push_back(record.checksum);
  }
  file_ = std::make_shared<const MappedFile>(rows_path_);
  const std::int64_t row_bytes = (num_params_ + num_buffers_) * 4;
  const std::int64_t bytes = static_cast<std::int64_t>(file_->size());
  if (bytes / row_bytes < size()) fail_missing_rows(rows_path_, bytes, infos_.size(), row_bytes);
}

const SnapshotInfo& TrajectoryReader::info(std::int64_t i) const {
  check(i >= 0 && i < size(), "there is no snapshot {} of {} in {}; snapshots count from 0", i, size(),
        rows_path_.string());
  return infos_[static_cast<std::size_t>(i)];
}

const float* TrajectoryReader::row(std::int64_t i) const {
  info(i);  // checks the range
  return reinterpret_cast<const float*>(file_->data()) + i * (num_params_ + num_buffers_);
}

at::Tensor TrajectoryReader::view(const float* data, std::int64_t size) const {
  // from_blob has no overload for read-only memory; the contract of weights() forbids writing.
  return at::from_blob(
      const_cast<float*>(data), {size}, [file = file_](void*) {}, at::TensorOptions(at::kFloat));
}

at::Tensor TrajectoryReader::weights(std::int64_t i) const {
  return view(row(i), num_params_);
}

at::Tensor TrajectoryReader::buffers(std::int64_t i) const {
  return view(row(i) + num_params_, num_buffers_);
}

void TrajectoryReader::verify(std::int64_t i) const {
  const float* data = row(i);
  check(row_checksum(data, num_params_, data + num_params_, num_buffers_) == checksums_[static_cast<std::size_t>(i)],
        "row {} (step {}) of {} is damaged: its checksum differs from the index. Restore the file, or remove the run's "
        "folder and run again",
        i, info(i).step, rows_path_.string());
}

void TrajectoryReader::verify() const {
  for (std::int64_t i = 0; i < size(); ++i) verify(i);
}

}  // namespace thalweg

#include "data/cifar.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include <fmt/ranges.h>

#include <ATen/Functions.h>

#include "base/error.h"
#include "data/prepare.h"
#include "io/atomic_file.h"
#include "io/mapped_file.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kSide = 32;
constexpr std::int64_t kPixelBytes = kChannels * kSide * kSide;

CifarFormat make_cifar10() {
  return {
      .name = "cifar10",
      .title = "CIFAR-10",
      .folder = "cifar-10-batches-bin",
      .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                      "data_batch_5.bin"},
      .test_files = {"test_batch.bin"},
      .train_records = 10000,
      .test_records = 10000,
      .label_limits = {10},
      .names_file = "batches.meta.txt",
      .class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
      .normalisation = {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}},
      .archive_url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      .archive_sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
  };
}

CifarFormat make_cifar100() {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(fmt::format("class {}", i));
  return {
      .name = "cifar100",
      .title = "CIFAR-100",
      .folder = "cifar-100-binary",
      .train_files = {"train.bin"},
      .test_files = {"test.bin"},
      .train_records = 50000,
      .test_records = 10000,
      .label_limits = {20, 100},
      .names_file = "fine_label_names.txt",
      .class_names = std::move(names),
      .normalisation = {{0.5071, 0.4867, 0.4408}, {0.2675, 0.2565, 0.2761}},
      .archive_url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
      .archive_sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
  };
}

std::int64_t record_bytes(const CifarFormat& format) {
  return static_cast<std::int64_t>(format.label_limits.size()) + kPixelBytes;
}

void check_file_size(const CifarFormat& format, const fs::path& file, std::int64_t num_records) {
  const std::string advice = fmt::format("get it again: move {} away and run `thalweg data fetch {}`",
                                         file.parent_path().string(), format.name);
  check(fs::is_regular_file(file), "{}: missing, but {} needs it; {}", file.string(), format.title, advice);
  const auto bytes = static_cast<std::int64_t>(fs::file_size(file));
  const std::int64_t record = record_bytes(format);
  check(bytes % record == 0,
        "{}: {} bytes are not a whole number of records of {} bytes, so it is cut off or not a {} binary file; {}",
        file.string(), bytes, record, format.title, advice);
  check(bytes == num_records * record, "{}: holds {} records, but {} has {}; {}", file.string(), bytes / record,
        format.title, num_records, advice);
}

// Reads the file's first `count` records into `set`, starting at image `first`.
void read_records(const CifarFormat& format, const fs::path& file, std::int64_t count, std::int64_t first,
                  ImageSet& set) {
  const MappedFile mapped(file);
  const std::int64_t record = record_bytes(format);
  check(static_cast<std::int64_t>(mapped.size()) >= count * record, "{}: became shorter while it was read",
        file.string());
  auto* labels = set.labels.data_ptr<std::int64_t>() + first;
  auto* pixels = set.images.data_ptr<std::uint8_t>() + first * kPixelBytes;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::byte* at = mapped.data() + i * record;
    for (const int limit : format.label_limits) {
      const int label = std::to_integer<int>(*at++);
      check(label < limit, "{}: record {} (from 0) has label {}, but {} has labels 0 to {}", file.string(), i, label,
            format.title, limit - 1);
      labels[i] = label;  // the last label byte is the class
    }
    std::memcpy(pixels + i * kPixelBytes, at, kPixelBytes);
  }
}

struct SplitFiles {
  const std::vector<std::string>& files;
  std::int64_t records;  // per file
  std::int64_t wanted;   // images; 0: all
  const char* key;       // the configuration's name for `wanted`
};

ImageSet read_split(const CifarFormat& format, const fs::path& folder, const SplitFiles& split) {
  const std::int64_t total = split.records * static_cast<std::int64_t>(split.files.size());
  const std::int64_t count = num_wanted(split.key, split.wanted, total, format.title);
  for (const std::string& name : split.files) check_file_size(format, folder / name, split.records);
  ImageSet set{at::empty({count, kChannels, kSide, kSide}, at::kByte), at::empty({count}, at::kLong)};
  std::int64_t done = 0;
  for (const std::string& name : split.files) {
    const std::int64_t now = std::min(split.records, count - done);
    if (now > 0) read_records(format, folder / name, now, done, set);
    done += now;
  }
  return set;
}

std::vector<std::string> read_class_names(const CifarFormat& format, const fs::path& folder) {
  const fs::path file = folder / format.names_file;
  if (!fs::exists(file)) return format.class_names;
  std::vector<std::string> names;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) {
    line.erase(std::find_if(line.rbegin(), line.rend(), [](unsigned char c) { return std::isspace(c) == 0; }).base(),
               line.end());
    if (!line.empty()) names.push_back(line);
  }
  check(names.size() == format.class_names.size(), "{}: lists {} class names, but {} has {} classes", file.string(),
        names.size(), format.title, format.class_names.size());
  return names;
}

}  // namespace

const CifarFormat& cifar_format(const std::string& name) {
  static const CifarFormat cifar10 = make_cifar10();
  static const CifarFormat cifar100 = make_cifar100();
  if (name == cifar10.name) return cifar10;
  if (name == cifar100.name) return cifar100;
  fail_usage("no files are known for a data set named \"{}\"; there are {} and {}", name, cifar10.name, cifar100.name);
}

DataSet read_cifar(const CifarFormat& format, const fs::path& folder, std::int64_t train_images,
                   std::int64_t test_images) {
  DataSet set;
  set.train = read_split(format, folder, {format.train_files, format.train_records, train_images, "train_images"});
  set.test = read_split(format, folder, {format.test_files, format.test_records, test_images, "test_images"});
  set.normalisation = format.normalisation;
  set.class_names = read_class_names(format, folder);
  return set;
}

fs::path find_cifar_folder(const CifarFormat& format, const fs::path& root) {
  std::error_code ignored;  // an unreadable folder counts as empty
  if (fs::is_directory(root / format.folder, ignored)) return root / format.folder;
  const auto here = [&](const std::string& name) { return fs::is_regular_file(root / name, ignored); };
  const bool any = std::any_of(format.train_files.begin(), format.train_files.end(), here) ||
                   std::any_of(format.test_files.begin(), format.test_files.end(), here);
  return any ? root : fs::path();
}

}  // namespace thalweg

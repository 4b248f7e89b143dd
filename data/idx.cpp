#include "data/idx.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>
#include <zlib.h>

#include <ATen/Functions.h>

#include "base/error.h"
#include "data/prepare.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 28;
constexpr const char* kTrainImages = "train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";
constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

// Normalisations are the mean and population standard deviation of the training split's pixels / 255, to four digits.
// `thalweg data info` reproduces those of Fashion-MNIST; MNIST's are the values in general use.
IdxFormat make_mnist() {
  return {
      .name = "mnist",
      .title = "MNIST",
      .folders = {"mnist", "MNIST/raw"},
      .system_folder = "",
      .source = "Get its four files from https://ossci-datasets.s3.amazonaws.com/mnist (PyTorch's mirror)",
      .train_images = 60000,
      .test_images = 10000,
      .first_labels = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4},
      .class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
      .normalisation = {{0.1307}, {0.3081}},
  };
}

IdxFormat make_fashion_mnist() {
  return {
      .name = "fashion_mnist",
      .title = "Fashion-MNIST",
      .folders = {"fashion-mnist", "FashionMNIST/raw"},
      .system_folder = "/usr/share/datasets/fashion-mnist",
      .source =
          "Install the package dataset-fashion-mnist (Debian, Ubuntu), or get its four files from "
          "https://github.com/zalandoresearch/fashion-mnist",
      .train_images = 60000,
      .test_images = 10000,
      .first_labels = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5},
      .class_names = {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                      "ankle boot"},
      .normalisation = {{0.2860}, {0.3530}},
  };
}

// Reads plain and compressed files alike.
class GzipFile {
 public:
  explicit GzipFile(fs::path path) : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb")) {
    check(file_ != nullptr, "{}: cannot be opened", path_.string());
  }
  ~GzipFile() { gzclose(file_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  const fs::path& path() const { return path_; }

  // Whether the last read hit the end of a truncated compressed file.
  bool cut_off() const { return cut_off_; }

  // Reads up to `size` bytes, fewer only at the end of the file.
  std::size_t read(void* out, std::size_t size) {
    const std::size_t count = gzfread(out, 1, size, file_);
    int code = Z_OK;
    const char* reason = gzerror(file_, &code);
    cut_off_ = code == Z_BUF_ERROR;
    check(code >= 0 || cut_off_, "{}: cannot be read: {}", path_.string(), reason);
    return count;
  }

 private:
  fs::path path_;
  gzFile file_;
  bool cut_off_ = false;
};

fs::path find_file(const fs::path& folder, const std::string& name) {
  std::error_code ignored;  // an unreadable file counts as missing
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (fs::is_regular_file(folder / candidate, ignored)) return folder / candidate;
  }
  return {};
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | bytes[i];
  return value;
}

void check_header(const IdxFormat& format, GzipFile& file, const std::vector<std::int64_t>& shape) {
  std::array<std::uint8_t, 16> bytes;
  const std::size_t size = 4 * (1 + shape.size());
  const std::string name = file.path().string();
  check(file.read(bytes.data(), size) == size, "{}: ends within its header of {} bytes. {}", name, size, format.source);
  const auto expected = static_cast<std::uint32_t>(0x800 + shape.size());  // type 8: unsigned byte
  const std::uint32_t magic = big_endian(bytes.data());
  check(magic == expected, "{}: begins with {:#010x}, but an IDX file of {} begins with {:#010x}. {}", name, magic,
        shape.size() == 1 ? "labels" : "images", expected, format.source);
  std::vector<std::int64_t> found;
  for (std::size_t i = 1; i <= shape.size(); ++i) found.push_back(big_endian(bytes.data() + 4 * i));
  check(found == shape, "{}: holds an array of {}, but {} has {}. {}", name, fmt::join(found, " x "), format.title,
        fmt::join(shape, " x "), format.source);
}

at::Tensor read_array(const IdxFormat& format, const fs::path& folder, const std::string& name,
                      const std::vector<std::int64_t>& shape) {
  const fs::path path = find_file(folder, name);
  check(!path.empty(), "{}: missing (also with .gz), but {} needs it. {}", (folder / name).string(), format.title,
        format.source);
  GzipFile file(path);
  check_header(format, file, shape);
  const at::Tensor values = at::empty(shape, at::kByte);
  const std::size_t count = file.read(values.data_ptr(), values.nbytes());
  check(count == values.nbytes(), "{}: ends after {} of {} values. {}", path.string(), count, values.nbytes(),
        format.source);
  char more = 0;  // reading past the end makes zlib verify its checksum
  const std::size_t rest = file.read(&more, 1);
  check(!file.cut_off(), "{}: ends within the checksum after its values. {}", path.string(), format.source);
  check(rest == 0, "{}: continues after the {} values that its header announces. {}", path.string(), values.nbytes(),
        format.source);
  return values;
}

at::Tensor read_labels(const IdxFormat& format, const fs::path& folder, const std::string& name, std::int64_t count) {
  const at::Tensor labels = read_array(format, folder, name, {count});
  const auto* values = labels.const_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    check(values[i] < format.class_names.size(), "{}: label {} (from 0) is {}, but {} has labels 0 to {}. {}",
          find_file(folder, name).string(), i, values[i], format.title, format.class_names.size() - 1, format.source);
  }
  return labels.to(at::kLong);
}

struct SplitFiles {
  const char* images;
  const char* labels;
  std::int64_t count;   // images in the files
  std::int64_t wanted;  // images; 0: all
  const char* key;      // the configuration's name for `wanted`
};

ImageSet read_split(const IdxFormat& format, const fs::path& folder, const SplitFiles& split) {
  const std::int64_t wanted = num_wanted(split.key, split.wanted, split.count, format.title);
  const at::Tensor images = read_array(format, folder, split.images, {split.count, kSide, kSide});
  const at::Tensor labels = read_labels(format, folder, split.labels, split.count);
  // Clone, because a view would keep the whole split in memory.
  return {images.narrow(0, 0, wanted).unsqueeze(1).clone(), labels.narrow(0, 0, wanted).clone()};
}

void check_first_labels(const IdxFormat& format, const fs::path& folder, const at::Tensor& labels) {
  const auto* values = labels.const_data_ptr<std::int64_t>();
  const auto count = std::min(labels.numel(), static_cast<std::int64_t>(format.first_labels.size()));
  check(std::equal(values, values + count, format.first_labels.begin()),
        "{}: the first labels are {}, but {} has {}, so these are the files of another data set. {}", folder.string(),
        fmt::join(values, values + count, ", "), format.title, fmt::join(format.first_labels, ", "), format.source);
}

}  // namespace

const IdxFormat* idx_format(const std::string& name) {
  static const IdxFormat mnist = make_mnist();
  static const IdxFormat fashion_mnist = make_fashion_mnist();
  for (const IdxFormat* format : {&mnist, &fashion_mnist}) {
    if (format->name == name) return format;
  }
  return nullptr;
}

DataSet read_idx(const IdxFormat& format, const fs::path& folder, std::int64_t train_images, std::int64_t test_images) {
  DataSet set;
  set.train =
      read_split(format, folder, {kTrainImages, kTrainLabels, format.train_images, train_images, "train_images"});
  check_first_labels(format, folder, set.train.labels);
  set.test = read_split(format, folder, {kTestImages, kTestLabels, format.test_images, test_images, "test_images"});
  set.normalisation = format.normalisation;
  set.class_names = format.class_names;
  return set;
}

fs::path find_idx_folder(const IdxFormat& format, const fs::path& root) {
  std::vector<fs::path> candidates;
  for (const std::string& folder : format.folders) candidates.push_back(root / folder);
  candidates.push_back(root);
  for (const fs::path& candidate : candidates) {
    for (const char* name : {kTrainImages, kTrainLabels, kTestImages, kTestLabels}) {
      if (!find_file(candidate, name).empty()) return candidate;
    }
  }
  return {};
}

}  // namespace thalweg

#include "io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <tuple>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <ATen/ATen.h>

#include "base/digest.h"
#include "base/error.h"
#include "io/atomic_file.h"
#include "io/posix_file.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensor bytes are copied as they are: little-endian");

constexpr std::size_t kMaxHeader = 100'000'000;  // the reference reader's limit
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kChecksumKey = "thalweg_crc32";  // in the metadata: CRC of the whole buffer, 8 hexadecimal digits

struct Dtype {
  const char* name;
  c10::ScalarType type;
};
// In the reference's order, by ascending alignment; the writer puts later ones first.
constexpr Dtype kDtypes[] = {{"BOOL", c10::kBool},  {"U8", c10::kByte},       {"I8", c10::kChar}, {"I16", c10::kShort},
                             {"F16", c10::kHalf},   {"BF16", c10::kBFloat16}, {"I32", c10::kInt}, {"F32", c10::kFloat},
                             {"F64", c10::kDouble}, {"I64", c10::kLong}};

struct Entry {
  std::string name;
  c10::ScalarType type;
  std::vector<std::int64_t> shape;
  std::size_t begin, end;  // in the buffer
};

struct Header {
  std::vector<Entry> entries;  // in buffer order, without gaps
  std::map<std::string, std::string> metadata;
  std::optional<std::string> checksum;  // absent in files of other writers
};

// Returns the position in kDtypes, or its size if the type is not listed.
std::size_t rank_of(c10::ScalarType type) {
  const auto* it = std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](const Dtype& d) { return d.type == type; });
  return static_cast<std::size_t>(it - std::begin(kDtypes));
}

std::string dtype_names() {
  std::string names;
  for (const Dtype& dtype : kDtypes) names += fmt::format("{}{}", names.empty() ? "" : " ", dtype.name);
  return names;
}

// `what` begins messages: the file and the tensor.
c10::ScalarType parse_dtype(const json& entry, const std::string& what) {
  check(entry.contains("dtype") && entry["dtype"].is_string(), "{}: it has no \"dtype\"", what);
  const auto name = entry["dtype"].get<std::string>();
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return dtype.type;
  }
  fail("{}: dtype \"{}\" is not supported; supported are: {}", what, name, dtype_names());
}

std::vector<std::int64_t> parse_naturals(const json& entry, const char* key, const std::string& what) {
  check(entry.contains(key) && entry[key].is_array(), "{}: it has no array \"{}\"", what, key);
  std::vector<std::int64_t> numbers;
  for (const json& item : entry[key]) {
    // The parser stores non-negative integers as unsigned.
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    check(item.is_number_unsigned() && item.get<std::uint64_t>() <= kMax,
          "{}: \"{}\" holds {}, which is not an integer of at least 0", what, key, item.dump());
    numbers.push_back(item.get<std::int64_t>());
  }
  return numbers;
}

// Returns nullopt on overflow. Sizes of zero count as one in the bound, as in LibTorch's strides.
std::optional<std::size_t> bytes_of(const std::vector<std::int64_t>& shape, c10::ScalarType type) {
  std::int64_t bound = static_cast<std::int64_t>(c10::elementSize(type));
  bool empty = false;
  for (const std::int64_t size : shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bound, std::max<std::int64_t>(size, 1), &bound)) return std::nullopt;
  }
  return empty ? 0 : static_cast<std::size_t>(bound);
}

Entry parse_entry(const std::string& name, const json& value, std::size_t buffer_size, const std::string& file) {
  const std::string what = fmt::format("{}: tensor \"{}\"", file, name);
  check(value.is_object(), "{}: its entry is not an object", what);
  const auto type = parse_dtype(value, what);
  const auto shape = parse_naturals(value, "shape", what);
  const auto offsets = parse_naturals(value, "data_offsets", what);
  check(offsets.size() == 2, "{}: \"data_offsets\" holds {} numbers, not two", what, offsets.size());
  const auto begin = static_cast<std::size_t>(offsets[0]), end = static_cast<std::size_t>(offsets[1]);
  check(begin <= end && end <= buffer_size, "{}: its bytes [{}, {}) do not lie in the buffer of {} bytes", what, begin,
        end, buffer_size);
  const auto bytes = bytes_of(shape, type);
  check(bytes.has_value(), "{}: its shape [{}] is too large", what, fmt::join(shape, ", "));
  check(*bytes == end - begin, "{}: shape [{}] takes {} bytes, but {} are given", what, fmt::join(shape, ", "), *bytes,
        end - begin);
  return {name, type, shape, begin, end};
}

std::map<std::string, std::string> parse_metadata(const json& value, const std::string& file) {
  check(value.is_object(), "{}: {} is not an object", file, kMetadataKey);
  std::map<std::string, std::string> metadata;
  for (const auto& item : value.items()) {
    check(item.value().is_string(), "{}: {} \"{}\" is not a string", file, kMetadataKey, item.key());
    metadata[item.key()] = item.value().get<std::string>();
  }
  return metadata;
}

// Sorts the entries by position; rejects gaps, overlaps and bytes that belong to no tensor.
void check_coverage(std::vector<Entry>& entries, std::size_t buffer_size, const std::string& file) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::size_t covered = 0;
  for (const Entry& entry : entries) {
    check(entry.begin == covered, "{}: tensor \"{}\" begins at byte {}, but the one before it ends at {} ({})", file,
          entry.name, entry.begin, covered, entry.begin > covered ? "a hole" : "an overlap");
    covered = entry.end;
  }
  check(covered == buffer_size, "{}: there are {} bytes after the last tensor", file, buffer_size - covered);
}

Header read_header(int fd, const std::string& file) {
  const std::size_t size = file_size_of(fd, file);
  std::uint64_t length = 0;
  check(size >= sizeof length && read_up_to(fd, &length, sizeof length, file) == sizeof length,
        "{}: not a safetensors file: {} bytes are too few", file, size);
  check(length <= kMaxHeader,
        "{}: not a safetensors file: a header of {} bytes (limit {}); weights of torch.save are converted by "
        "safetensors.torch.save_file(state_dict, FILE)",
        file, length, kMaxHeader);
  const std::size_t rest = size - sizeof length;
  check(length <= rest, "{}: the file is cut off: its header takes {} bytes, but only {} follow", file, length, rest);
  std::string text(length, '\0');
  check(read_up_to(fd, text.data(), length, file) == length, "{}: the file became shorter while it was read", file);
  check(text.starts_with('{'), "{}: not a safetensors file: its header does not begin with '{{'", file);

  const json root = parse_json(text, file + ": header", JsonComments::kRefused, ExitCode::kFailure);
  Header header;
  for (const auto& item : root.items()) {
    if (item.key() == kMetadataKey) {
      header.metadata = parse_metadata(item.value(), file);
    } else {
      header.entries.push_back(parse_entry(item.key(), item.value(), rest - length, file));
    }
  }
  check_coverage(header.entries, rest - length, file);
  if (const auto node = header.metadata.extract(kChecksumKey)) header.checksum = node.mapped();
  return header;
}

at::Tensor read_tensor(int fd, const Entry& entry, const std::string& file) {
  const at::Tensor tensor = at::empty(entry.shape, entry.type);
  const std::size_t bytes = entry.end - entry.begin;
  check(read_up_to(fd, tensor.data_ptr(), bytes, file) == bytes, "{}: the file became shorter while it was read", file);
  if (entry.type == c10::kBool) {
    const auto* values = static_cast<const std::uint8_t*>(tensor.data_ptr());
    check(std::all_of(values, values + bytes, [](std::uint8_t value) { return value <= 1; }),
          "{}: tensor \"{}\": a BOOL is neither 0 nor 1", file, entry.name);
  }
  return tensor;
}

// Expects contiguous tensors on the CPU.
std::string checksum_of(const std::vector<NamedTensor>& tensors) {
  std::uint32_t checksum = 0;
  for (const NamedTensor& item : tensors)
    checksum = crc32_of(item.tensor.const_data_ptr(), item.tensor.nbytes(), checksum);
  return fmt::format("{:08x}", checksum);
}

// Returns contiguous tensors on the CPU.
std::vector<NamedTensor> in_file_order(const std::vector<NamedTensor>& tensors, const std::string& file) {
  std::set<std::string> names;
  std::vector<NamedTensor> sorted;
  for (const NamedTensor& item : tensors) {
    check(item.name != kMetadataKey, "{}: a tensor cannot be called {}", file, kMetadataKey);
    check(names.insert(item.name).second, "{}: two tensors are called \"{}\"", file, item.name);
    check(item.tensor.defined() && item.tensor.layout() == c10::kStrided, "{}: tensor \"{}\" is not a dense tensor",
          file, item.name);
    check(rank_of(item.tensor.scalar_type()) < std::size(kDtypes),
          "{}: tensor \"{}\" is {}; only these are written: {}", file, item.name,
          c10::toString(item.tensor.scalar_type()), dtype_names());
    sorted.push_back({item.name, item.tensor.detach().to(c10::kCPU).contiguous()});
  }
  std::sort(sorted.begin(), sorted.end(), [](const NamedTensor& a, const NamedTensor& b) {
    const auto rank_a = rank_of(a.tensor.scalar_type()), rank_b = rank_of(b.tensor.scalar_type());
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  return sorted;
}

std::string header_text(const std::vector<NamedTensor>& tensors, const std::map<std::string, std::string>& metadata,
                        const std::string& file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::size_t offset = 0;
  for (const NamedTensor& item : tensors) {
    const std::size_t end = offset + item.tensor.nbytes();
    auto& entry = header[item.name];
    entry["dtype"] = kDtypes[rank_of(item.tensor.scalar_type())].name;
    entry["shape"] = item.tensor.sizes().vec();
    entry["data_offsets"] = {offset, end};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    fail("{}: a name or a text is not UTF-8: {}", file, error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the buffer begins at a multiple of eight
  check(text.size() <= kMaxHeader, "{}: a header of {} bytes is over the format's limit", file, text.size());
  return text;
}

}  // namespace

const at::Tensor& SafetensorsFile::at(const std::string& name) const {
  std::vector<std::string> names;
  for (const NamedTensor& item : tensors) {
    if (item.name == name) return item.tensor;
    if (names.size() < 10) names.push_back(item.name);
  }
  fail("{}: no tensor \"{}\" in the file; it holds {}: {}{}", path, name, tensors.size(), fmt::join(names, ", "),
       tensors.size() > names.size() ? ", ..." : "");
}

bool SafetensorsFile::contains(const std::string& name) const {
  return std::any_of(tensors.begin(), tensors.end(), [&](const NamedTensor& item) { return item.name == name; });
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  Header header = read_header(file.get(), path.string());
  SafetensorsFile content = {{}, std::move(header.metadata), path.string()};
  // The tensors follow each other without gaps, so reading sequentially is enough.
  for (const Entry& entry : header.entries) {
    content.tensors.push_back({entry.name, read_tensor(file.get(), entry, path.string())});
  }
  check(
      !header.checksum || *header.checksum == checksum_of(content.tensors),
      "{} is damaged: its tensors are not those that were written (if you changed them on purpose, remove \"{}\" from "
      "the metadata)",
      path.string(), kChecksumKey);
  return content;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  return read_header(file.get(), path.string()).metadata;
}

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<NamedTensor> sorted = in_file_order(tensors, path.string());
  std::map<std::string, std::string> with_checksum = metadata;
  with_checksum[kChecksumKey] = checksum_of(sorted);
  const std::string header = header_text(sorted, with_checksum, path.string());
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(&length, sizeof length);
  file.write(header);
  for (const NamedTensor& item : sorted) file.write(item.tensor.const_data_ptr(), item.tensor.nbytes());
  file.commit();
}

}  // namespace thalweg

#include "io/hdf5_file.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fcntl.h>
#include <hdf5.h>

#include "base/digest.h"
#include "base/error.h"
#include "io/atomic_file.h"
#include "io/posix_file.h"

// Files are built and parsed in memory (HDF5's "core" driver). Disk access and its errors are then handled here, and
// HDF5's file locks, which fail on some network file systems, are never taken.

namespace thalweg {
namespace {

constexpr std::size_t kMaxValues = std::size_t{1} << 28;  // 2 GiB of doubles: far above any surface
constexpr std::size_t kCoreIncrement = std::size_t{1} << 20;
constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";

// HDF5 ignores what follows the end of its own data, and cuts it off when it writes to the file. There our files hold
// the checksum of all bytes before. (HDF5's own checksums cover arrays alone, and the library crashes on some files
// with a single bit flipped.)
constexpr std::string_view kTrailer = "\nCRC-32 ";

std::string trailer_of(std::string_view image) {
  return fmt::format("{}{:08x}\n", kTrailer, crc32_of(image.data(), image.size()));
}

// Removes the trailer, if there is one, after comparing it.
void remove_trailer(std::string& image, const std::string& what) {
  const std::size_t start = image.rfind(kTrailer);
  if (start == std::string::npos || image.size() - start > trailer_of("").size()) return;
  const std::string trailer = image.substr(start);
  image.resize(start);
  check(trailer == trailer_of(image), "{}: its checksum is wrong; the file is damaged", what);
}

// Suppresses HDF5's error output on stderr; its messages become part of ours.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

// Stores the innermost entry of HDF5's error stack, which is the most informative.
herr_t note_innermost(unsigned position, const H5E_error2_t* error, void* text) {
  if (position == 0) *static_cast<std::string*>(text) = error->desc == nullptr ? "" : error->desc;
  return 0;
}

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, note_innermost, &reason);
  return reason.empty() ? "no reason given" : reason;
}

// Every call into HDF5 is checked here or in Handle; `what` describes the attempted action, with the file's name.
template <typename Result>
Result done(Result result, const std::string& what) {
  if (result < 0) fail("{}: {}", what, hdf5_reason());
  return result;
}

class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close, const std::string& what) : id_(done(id, what)), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

// Variable-length UTF-8, which h5py returns as str.
Handle text_type(const std::string& what) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, what);
  done(H5Tset_size(type, H5T_VARIABLE), what);
  done(H5Tset_cset(type, H5T_CSET_UTF8), what);
  return type;
}

// --- writing ---

class Writer {
 public:
  Writer(hid_t file, std::string path)
      : file_(file),
        path_(std::move(path)),
        links_(H5Pcreate(H5P_LINK_CREATE), H5Pclose, path_),
        datasets_(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path_) {
    done(H5Pset_create_intermediate_group(links_, 1), path_);
    done(H5Pset_char_encoding(links_, H5T_CSET_UTF8), path_);
    // Without timestamps, equal contents give equal bytes.
    done(H5Pset_obj_track_times(datasets_, false), path_);
  }

  void write(const std::string& name, const Hdf5Dataset& dataset) {
    const std::string what = checked_name(name);
    const std::size_t count =
        std::accumulate(dataset.shape.begin(), dataset.shape.end(), std::size_t{1}, std::multiplies<>());
    check(count == dataset.values.size(), "{}: the shape needs {} values, but {} are given", what, count,
          dataset.values.size());
    const std::vector<hsize_t> shape(dataset.shape.begin(), dataset.shape.end());
    const hid_t space_id =
        shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const Handle space(space_id, H5Sclose, what);
    const Handle layout = layout_of(shape, what);
    const hid_t type = dataset.as_float32 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    const Handle target(H5Dcreate2(file_, name.c_str(), type, space, links_, layout, H5P_DEFAULT), H5Dclose, what);
    if (count == 0) return;
    done(H5Dwrite(target, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, dataset.values.data()), what);
  }

  void write_text(const std::string& name, const std::string& text) {
    const std::string what = checked_name(name);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose, what);
    const Handle type = text_type(what);
    const Handle target(H5Dcreate2(file_, name.c_str(), type, space, links_, datasets_, H5P_DEFAULT), H5Dclose, what);
    const char* start = checked_text(text, what);
    done(H5Dwrite(target, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &start), what);
  }

 private:
  // The name of the item in messages.
  std::string checked_name(const std::string& name) const {
    check(!name.empty() && name.find('\0') == std::string::npos, "cannot write {}: \"{}\" is not a valid HDF5 name",
          path_, name);
    return fmt::format("cannot write {}: \"{}\"", path_, name);
  }

  // Arrays carry a checksum, which HDF5 supports only for chunked data; each array is one chunk.
  Handle layout_of(const std::vector<hsize_t>& shape, const std::string& what) const {
    Handle layout(H5Pcopy(datasets_), H5Pclose, what);
    if (shape.empty() || std::ranges::count(shape, 0) > 0) return layout;
    done(H5Pset_chunk(layout, static_cast<int>(shape.size()), shape.data()), what);
    done(H5Pset_fletcher32(layout), what);
    return layout;
  }

  static const char* checked_text(const std::string& text, const std::string& what) {
    check(text.find('\0') == std::string::npos, "{}: a text contains a zero byte", what);
    return text.c_str();
  }

  hid_t file_;
  std::string path_;
  Handle links_, datasets_;
};

std::string file_image(hid_t file, const std::string& what) {
  done(H5Fflush(file, H5F_SCOPE_LOCAL), what);
  std::string image(static_cast<std::size_t>(done(H5Fget_file_image(file, nullptr, 0), what)), '\0');
  done(H5Fget_file_image(file, image.data(), image.size()), what);
  return image;
}

// --- reading ---

bool is_scalar(hid_t space, const std::string& what) {
  return done(H5Sget_simple_extent_type(space), what) == H5S_SCALAR;
}

// Reads a scalar string of variable or fixed length.
std::string read_text(hid_t dataset, hid_t type, hid_t space, const std::string& what) {
  const auto read = [&](void* to) { done(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to), what); };
  if (done(H5Tis_variable_str(type), what) > 0) {
    char* text = nullptr;
    read(&text);
    const std::string copy = text == nullptr ? "" : text;
    done(H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text), what);
    return copy;
  }
  const std::size_t size = H5Tget_size(type);
  check(size > 0, "{}: {}", what, hdf5_reason());
  std::string text(size, '\0');
  read(text.data());
  if (done(H5Tget_strpad(type), what) == H5T_STR_SPACEPAD) return text.substr(0, text.find_last_not_of(' ') + 1);
  return text.substr(0, text.find('\0'));
}

Hdf5Dataset read_values(hid_t dataset, hid_t space, const std::string& what) {
  Hdf5Dataset values;
  std::vector<hsize_t> shape(static_cast<std::size_t>(done(H5Sget_simple_extent_ndims(space), what)));
  if (!shape.empty()) done(H5Sget_simple_extent_dims(space, shape.data(), nullptr), what);
  std::size_t count = 1;
  for (const hsize_t size : shape) {
    check(size == 0 || count <= kMaxValues / size, "{}: it has more than {} values", what, kMaxValues);
    count *= size;
  }
  values.shape.assign(shape.begin(), shape.end());
  values.values.resize(count);
  if (count == 0) return values;
  done(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.values.data()), what);
  return values;
}

// HDF5's data begin at the start of the file, or behind a block for other programs' use. Checked before a large file of
// another kind is read whole.
void check_signature(const std::filesystem::path& path, const std::string& what) {
  constexpr std::size_t kLargestBlock = 2048;
  std::string start(kLargestBlock + kSignature.size(), '\0');
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  start.resize(read_up_to(file.get(), start.data(), start.size(), path));
  check(!start.empty(), "{}: the file is empty", what);
  bool found = start.starts_with(kSignature);
  for (std::size_t block = 512; block <= kLargestBlock; block *= 2) {
    found = found || (start.size() > block && std::string_view(start).substr(block).starts_with(kSignature));
  }
  check(found, "{}: it is not an HDF5 file", what);
}

// Reads the supported kinds of object, numbers and scalar strings; ignores all others.
void read_object(hid_t file, const std::string& name, const std::string& path, Hdf5Content& content) {
  const std::string what = fmt::format("cannot read {}: \"{}\"", path, name);
  const Handle object(H5Oopen(file, name.c_str(), H5P_DEFAULT), H5Oclose, what);
  if (done(H5Iget_type(object), what) != H5I_DATASET) return;
  const Handle type(H5Dget_type(object), H5Tclose, what);
  const Handle space(H5Dget_space(object), H5Sclose, what);
  const H5T_class_t kind = done(H5Tget_class(type), what);
  if ((kind == H5T_FLOAT || kind == H5T_INTEGER) && H5Sget_simple_extent_type(space) != H5S_NULL) {
    content.datasets[name] = read_values(object, space, what);
  } else if (kind == H5T_STRING && is_scalar(space, what)) {
    content.strings[name] = read_text(object, type, space, what);
  }
}

// The visitor only records names, since an exception must not propagate through HDF5's own frames.
herr_t note_link(hid_t, const char* name, const H5L_info_t* info, void* names) {
  if (info->type != H5L_TYPE_HARD) return 0;
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

}  // namespace

void write_hdf5(const std::filesystem::path& path, const Hdf5Content& content) {
  const QuietErrors quiet;
  const std::string name = path.string(), what = "cannot write " + name;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
  done(H5Pset_fapl_core(access, kCoreIncrement, false), what);
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, what);
  done(H5Pset_istore_k(creation, 1), what);  // no dataset has more than one chunk to index
  const Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation, access), H5Fclose, what);
  Writer writer(file, name);
  for (const auto& [key, dataset] : content.datasets) writer.write(key, dataset);
  for (const auto& [key, text] : content.strings) writer.write_text(key, text);
  const std::string image = file_image(file, what);
  write_file_atomically(path, image + trailer_of(image));
}

Hdf5Content read_hdf5(const std::filesystem::path& path, const std::function<bool(const std::string&)>& wanted) {
  const QuietErrors quiet;
  const std::string name = path.string(), what = "cannot read " + name;
  check_signature(path, what);
  std::string image = read_file(path);
  remove_trailer(image, what);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
  done(H5Pset_fapl_core(access, kCoreIncrement, false), what);
  done(H5Pset_file_image(access, image.data(), image.size()), what);
  // With an image, HDF5 requires a name at which nothing exists; below a regular file nothing can.
  const Handle file(H5Fopen((name + "/image").c_str(), H5F_ACC_RDONLY, access), H5Fclose, what);
  std::vector<std::string> objects;
  done(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, note_link, &objects), what);
  Hdf5Content content;
  for (const std::string& object : objects) {
    if (wanted(object)) read_object(file, object, name, content);
  }
  return content;
}

}  // namespace thalweg

// safetensors files (format: huggingface/safetensors README): u64 LE header length, JSON header, raw little-endian
// row-major buffer. Reading is strict (no holes, no overlap, exact end, header limit 100 MB, no duplicate names);
// nothing in a file is ever executed. A file written here carries the CRC-32 of its buffer in the metadata, which
// reading the tensors checks and callers do not see; where there is none, as in others' files, nothing is checked.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace thalweg {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct SafetensorsFile {
  std::vector<NamedTensor> tensors;             // in file order
  std::map<std::string, std::string> metadata;  // "__metadata__"
  std::string path;                             // where it was read, for messages

  // Throws Error naming the file, the tensor and the names that are there.
  const at::Tensor& at(const std::string& name) const;
  bool contains(const std::string& name) const;
};

// Owning CPU tensors; dtypes F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL. Throws Error naming file and defect.
SafetensorsFile read_safetensors(const std::filesystem::path& path);
// The metadata alone, without reading the tensors.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);
// Atomic. Tensors may live on any device and be strided; they are written contiguous. Sorted as the reference writer
// does (dtype alignment descending, then name), so the bytes do not depend on the caller's order.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace thalweg

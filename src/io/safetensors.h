// safetensors files (format: huggingface/safetensors README): u64 LE header length, JSON header, raw little-endian
// row-major buffer. Reading is strict (no holes, no overlap, exact end, header limit 100 MB, no duplicate names);
// nothing in a file is ever executed. Files written here carry the CRC-32 of their buffer in the metadata. Reading the
// tensors verifies it, and callers never see it. Files of other writers have none; they are not verified.
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
  std::string path;                             // file that was read, for messages

  // Throws Error naming the file, the tensor and the available names.
  const at::Tensor& at(const std::string& name) const;
  bool contains(const std::string& name) const;
};

// Returns owning CPU tensors of dtype F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL. Throws Error naming file and defect.
SafetensorsFile read_safetensors(const std::filesystem::path& path);
// Reads only the metadata, not the tensors.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);
// Writes atomically. Tensors may be on any device and strided; they are written contiguously, sorted as by the
// reference writer (dtype alignment descending, then name), so the bytes do not depend on the caller's order.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace thalweg

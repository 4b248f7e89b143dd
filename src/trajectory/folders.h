// The paths of those files of a run and of an experiment that more than one part of the program needs, whether or not
// they exist (docs/formats.md lists all files).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace thalweg {

inline constexpr char kMainRun[] = "main";  // the name of a main path and of its folder

struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path identity() const { return path / "run.json"; }
  std::filesystem::path status() const { return path / "status.json"; }
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  std::filesystem::path weights() const { return path / "weights.safetensors"; }
  std::filesystem::path measures() const { return path / "measures.json"; }
  std::filesystem::path trajectory() const { return path / "trajectory"; }
  std::filesystem::path checkpoints() const { return path / "checkpoints"; }
  // The run's averaged weights form a run of their own.
  RunFolder average() const { return {path / "average"}; }

  // Whether the folder contains a run.
  bool holds_run() const { return std::filesystem::exists(identity()); }
};

struct ExperimentFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.json"; }
  RunFolder main_run() const { return {path / kMainRun}; }
  std::filesystem::path branches() const { return path / "branches"; }
  RunFolder branch_run(const std::string& name) const { return {branches() / name}; }
  std::filesystem::path planes() const { return path / "planes"; }
  std::filesystem::path surfaces() const { return path / "surfaces"; }
  std::filesystem::path lines() const { return path / "lines"; }
  // In an experiment with "seeds", each seed has an experiment folder of its own here.
  std::filesystem::path seeds() const { return path / "seeds"; }
  ExperimentFolder seed(std::uint64_t seed) const { return {seeds() / std::to_string(seed)}; }
};

// The folders seeds/<seed> of an experiment with "seeds", in the order of its config.json. Omits seeds that have no
// folder yet and folders that the configuration does not list.
std::vector<std::filesystem::path> seed_folders(const std::filesystem::path& experiment);

}  // namespace thalweg

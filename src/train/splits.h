// The splits of a data set on the training device, and their losses at a run's weights.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "nn/evaluator.h"
#include "nn/images.h"

namespace thalweg {

struct NamedSplit {
  std::string name;  // as in "test_loss"
  const ImageSet* images;
};
// The splits that are evaluated during training.
std::vector<NamedSplit> watched_splits(const DataSet& data);

class Splits {
 public:
  Splits(const Graph& graph, const DataSet& data, c10::Device device);

  const ImageBatches& train() const { return train_; }
  // From now on, an evaluation throws Stopped after a signal. For evaluations made once everything has been saved.
  void stop_after_signals() { stops_ = true; }

  // Adds "<split>_loss" and "<split>_accuracy" for each watched split, over all its images, with running statistics.
  void evaluate_watched(const at::Tensor& weights, const at::Tensor& buffers, nlohmann::json& out);
  // Does the same for the training split.
  void evaluate_train(const at::Tensor& weights, const at::Tensor& buffers, nlohmann::json& out);

 private:
  struct LoadedSplit {
    std::string name;
    ImageBatches images;
  };
  void evaluate(const at::Tensor& weights, const at::Tensor& buffers, const std::string& name,
                const ImageBatches& images, nlohmann::json& out);

  ImageBatches train_;
  std::vector<LoadedSplit> watched_;
  Evaluator evaluator_;
  std::set<std::string> evaluated_;  // names of the splits evaluated so far
  bool stops_ = false;
};

}  // namespace thalweg

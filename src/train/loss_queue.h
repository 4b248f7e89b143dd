// The losses of recent steps, on their way from the device. On a GPU, training does not wait for them but processes
// each when it has arrived, in the order of the steps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include <ATen/core/Tensor.h>

namespace thalweg {

// A number that is being copied to the host.
class PendingScalar {
 public:
  virtual ~PendingScalar() = default;
  virtual bool arrived() const = 0;
  virtual double wait() const = 0;  // blocks until it has arrived; returns its value
};

// Starts to copy a float32 scalar, as left by the work queued so far on the current stream; later work may overwrite
// it.
std::unique_ptr<PendingScalar> fetch_scalar(const at::Tensor& scalar);

// What is needed of a step once its loss has arrived.
struct WatchedStep {
  std::int64_t step = 0;
  double lr = 0;     // of the step's update
  bool log = false;  // whether its "step" line is still to be written
  double loss = 0;   // set by the queue
};

class LossQueue {
 public:
  using Fetch = std::function<std::unique_ptr<PendingScalar>(const at::Tensor&)>;
  explicit LossQueue(Fetch fetch = fetch_scalar) : fetch_(std::move(fetch)) {}

  void push(const WatchedStep& step, const at::Tensor& loss) { waiting_.push_back({step, fetch_(loss)}); }
  // Returns the oldest step if its loss has arrived, waiting for it if more than `may_wait` losses are pending; else
  // nothing.
  std::optional<WatchedStep> pop(std::size_t may_wait);

 private:
  struct Entry {
    WatchedStep step;
    std::unique_ptr<PendingScalar> loss;
  };
  Fetch fetch_;
  std::deque<Entry> waiting_;
};

}  // namespace thalweg

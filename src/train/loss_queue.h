// Losses of steps on their way from the device: on a GPU training does not wait for them, but looks at each when it has
// arrived, in the order of the steps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include <ATen/core/Tensor.h>

namespace thalweg {

// One number that is being copied to the host.
class PendingScalar {
 public:
  virtual ~PendingScalar() = default;
  virtual bool arrived() const = 0;
  virtual double wait() const = 0;  // until it has; its value
};

// Begins to copy a float32 scalar as the current stream's work so far leaves it; later work may overwrite it.
std::unique_ptr<PendingScalar> fetch_scalar(const at::Tensor& scalar);

// What is to be known of a step when its loss is looked at.
struct WatchedStep {
  std::int64_t step = 0;
  double lr = 0;     // of the update
  bool log = false;  // its "step" line is still to be written
  double loss = 0;   // set by the queue
};

class LossQueue {
 public:
  using Fetch = std::function<std::unique_ptr<PendingScalar>(const at::Tensor&)>;
  explicit LossQueue(Fetch fetch = fetch_scalar) : fetch_(std::move(fetch)) {}

  void push(const WatchedStep& step, const at::Tensor& loss) { waiting_.push_back({step, fetch_(loss)}); }
  // The oldest, if it has arrived; waits for it where more than `may_wait` are on their way. Nothing if there is none.
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

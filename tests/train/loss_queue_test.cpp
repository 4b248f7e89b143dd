#include "train/loss_queue.h"

#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "gpu.h"

namespace thalweg {
namespace {

// A device that finishes its copies on request; waiting for one also finishes the earlier ones.
class FakeDevice {
 public:
  std::int64_t finished = 0;  // copies
  std::int64_t waits = 0;

  LossQueue::Fetch fetch() {
    return [this](const at::Tensor& scalar) -> std::unique_ptr<PendingScalar> {
      return std::make_unique<Copy>(*this, ++begun_, scalar.item<double>());
    };
  }

 private:
  class Copy : public PendingScalar {
   public:
    Copy(FakeDevice& device, std::int64_t number, double value) : device_(device), number_(number), value_(value) {}
    bool arrived() const override { return device_.finished >= number_; }
    double wait() const override {
      if (!arrived()) {
        ++device_.waits;
        device_.finished = number_;
      }
      return value_;
    }

   private:
    FakeDevice& device_;
    std::int64_t number_;
    double value_;
  };
  std::int64_t begun_ = 0;
};

std::vector<std::int64_t> pop_all(LossQueue& queue, std::size_t may_wait) {
  std::vector<std::int64_t> steps;
  while (const auto step = queue.pop(may_wait)) {
    EXPECT_EQ(step->loss, 0.5 * static_cast<double>(step->step));
    EXPECT_EQ(step->lr, 2.0 * static_cast<double>(step->step));
    EXPECT_EQ(step->log, step->step % 2 == 0);
    steps.push_back(step->step);
  }
  return steps;
}

void push(LossQueue& queue, std::int64_t step) {
  const auto number = static_cast<double>(step);
  queue.push({step, 2.0 * number, step % 2 == 0}, at::scalar_tensor(0.5 * number));
}

using Steps = std::vector<std::int64_t>;

TEST(LossQueueTest, DoesNotWaitForWhatMayStillBeOnItsWay) {
  FakeDevice device;
  LossQueue queue(device.fetch());
  EXPECT_EQ(pop_all(queue, 1), Steps());
  push(queue, 50);
  EXPECT_EQ(pop_all(queue, 1), Steps());
  device.finished = 1;
  EXPECT_EQ(pop_all(queue, 1), Steps({50}));
  EXPECT_EQ(device.waits, 0);
}

TEST(LossQueueTest, WaitsForTheOldestAloneWhenMoreAreOnTheirWay) {
  FakeDevice device;
  LossQueue queue(device.fetch());
  push(queue, 50);
  push(queue, 100);
  EXPECT_EQ(pop_all(queue, 1), Steps({50}));
  EXPECT_EQ(device.waits, 1);
  EXPECT_EQ(pop_all(queue, 1), Steps());
  EXPECT_EQ(pop_all(queue, 0), Steps({100}));
  EXPECT_EQ(device.waits, 2);
}

TEST(LossQueueTest, GivesAllInTheOrderOfTheSteps) {
  FakeDevice device;
  LossQueue queue(device.fetch());
  for (const std::int64_t step : {1, 2, 3, 4}) push(queue, step);
  device.finished = 2;
  EXPECT_EQ(pop_all(queue, 9), Steps({1, 2}));
  EXPECT_EQ(pop_all(queue, 0), Steps({3, 4}));
}

TEST(LossQueueTest, OnACpuEveryLossHasArrivedAtOnce) {
  LossQueue queue;
  const at::Tensor loss = at::scalar_tensor(1.5);
  queue.push({1}, loss);
  loss.fill_(7);  // overwritten by the next step
  const auto step = queue.pop(1);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->loss, 1.5);
}

TEST(CudaLossQueue, TellsTheLossOfItsStepThoughTheNextOverwritesIt) {
  THALWEG_NEED_GPU();
  LossQueue queue;
  const at::Tensor loss = at::zeros({}, at::TensorOptions(at::kCUDA));
  for (std::int64_t step = 1; step <= 200; ++step) {
    loss.fill_(static_cast<double>(step));
    queue.push({step}, loss);
  }
  for (std::int64_t step = 1; step <= 200; ++step) {
    const auto done = queue.pop(0);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->step, step);
    EXPECT_EQ(done->loss, static_cast<double>(step));
  }
}

}  // namespace
}  // namespace thalweg

#include "train/loss_queue.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAEvent.h>

namespace thalweg {
namespace {

class HostScalar : public PendingScalar {
 public:
  explicit HostScalar(double value) : value_(value) {}
  bool arrived() const override { return true; }
  double wait() const override { return value_; }

 private:
  double value_;
};

class DeviceScalar : public PendingScalar {
 public:
  explicit DeviceScalar(const at::Tensor& scalar)
      : host_(at::empty({}, at::TensorOptions(scalar.scalar_type()).pinned_memory(true))) {
    host_.copy_(scalar, /*non_blocking=*/true);
    event_.record(c10::cuda::getCurrentCUDAStream(scalar.device().index()));
  }
  // LibTorch releases pinned memory with an event on the GPU. If the GPU is lost, that throws in a destructor, which
  // would end the program before it reports the cause. The memory is leaked in that case.
  ~DeviceScalar() override {
    try {
      event_.query();
    } catch (const std::exception&) {
      new at::Tensor(std::move(host_));
    }
  }
  DeviceScalar(const DeviceScalar&) = delete;
  DeviceScalar& operator=(const DeviceScalar&) = delete;
  bool arrived() const override { return event_.query(); }
  double wait() const override {
    event_.synchronize();
    return host_.item<double>();
  }

 private:
  at::Tensor host_;  // pinned
  c10::cuda::CUDAEvent event_;
};

}  // namespace

std::unique_ptr<PendingScalar> fetch_scalar(const at::Tensor& scalar) {
  if (scalar.is_cuda()) return std::make_unique<DeviceScalar>(scalar);
  return std::make_unique<HostScalar>(scalar.item<double>());
}

std::optional<WatchedStep> LossQueue::pop(std::size_t may_wait) {
  if (waiting_.empty() || (waiting_.size() <= may_wait && !waiting_.front().loss->arrived())) return std::nullopt;
  WatchedStep step = waiting_.front().step;
  step.loss = waiting_.front().loss->wait();
  waiting_.pop_front();
  return step;
}

}  // namespace thalweg

#include "experiment/side_by_side.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <latch>
#include <mutex>
#include <system_error>
#include <thread>

#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/stop.h"
#include "base/stream.h"

namespace thalweg {
namespace {

bool is_stop(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Stopped&) {
    return true;
  } catch (...) {
    return false;
  }
}

// Hands out jobs to lanes and records how they ended.
class JobBoard {
 public:
  explicit JobBoard(const std::vector<Job>& jobs) : jobs_(jobs), states_(jobs.size()), errors_(jobs.size()) {}

  // Runs jobs until none is left to start.
  void work() {
    while (const std::optional<std::size_t> job = take()) {
      std::exception_ptr error;
      try {
        jobs_[*job].work();
      } catch (...) {
        error = std::current_exception();
      }
      end(*job, error);
    }
  }

  void rethrow() const {
    std::exception_ptr stop;
    for (const std::exception_ptr& error : errors_) {
      if (!error) continue;
      if (!is_stop(error)) std::rethrow_exception(error);
      if (!stop) stop = error;
    }
    if (stop) std::rethrow_exception(stop);
    if (std::count(states_.begin(), states_.end(), State::kWaiting) > 0)
      throw Stopped("stopped before the next run began; run the same command again to go on");
  }

 private:
  enum class State { kWaiting, kRunning, kDone, kFailed };

  // Returns the next job that may start; blocks while all remaining jobs depend on running ones. Returns nullopt if
  // none is left or a stop was requested.
  std::optional<std::size_t> take() {
    std::unique_lock lock(mutex_);
    while (!stop_requested()) {
      bool blocked = false;
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (states_[i] != State::kWaiting) continue;
        const State before = jobs_[i].after ? states_[*jobs_[i].after] : State::kDone;
        if (before == State::kFailed) {
          states_[i] = State::kFailed;
        } else if (before == State::kDone) {
          states_[i] = State::kRunning;
          return i;
        } else {
          blocked = true;
        }
      }
      if (!blocked) break;
      ended_.wait(lock);
    }
    return std::nullopt;
  }

  void end(std::size_t job, const std::exception_ptr& error) {
    const std::lock_guard lock(mutex_);
    states_[job] = error ? State::kFailed : State::kDone;
    errors_[job] = error;
    ended_.notify_all();
  }

  const std::vector<Job>& jobs_;
  std::vector<State> states_;
  std::vector<std::exception_ptr> errors_;
  std::mutex mutex_;
  std::condition_variable ended_;
};

// Sets LibTorch's number of threads, which is a setting of the process and of each thread, and restores it at the end.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~ThreadCount() { at::set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace

RunLanes run_lanes(int parallel_runs, c10::Device device) {
  constexpr int kRunsOnGpu = 4;
  const int count = parallel_runs > 0 ? parallel_runs : device.is_cuda() ? kRunsOnGpu : 1;
  if (device.is_cuda() && count > kMaxStreams)
    fail_usage("parallel_runs: a GPU trains at most {} runs at once, got {}", kMaxStreams, count);
  return {count, std::max(at::get_num_threads() / count, 1), device};
}

void run_side_by_side(const std::vector<Job>& jobs, const RunLanes& lanes) {
  const ThreadCount threads(lanes.threads);
  JobBoard board(jobs);
  if (lanes.count == 1) {
    board.work();
  } else {
    std::vector<std::exception_ptr> broken(static_cast<std::size_t>(lanes.count));
    std::latch ready(lanes.count);  // if any lane fails to start, no job does
    const auto lane = [&](std::exception_ptr& error) {
      try {
        at::set_num_threads(lanes.threads);
        use_own_stream(lanes.device);
      } catch (...) {
        error = std::current_exception();
      }
      ready.arrive_and_wait();
      if (std::none_of(broken.begin(), broken.end(), [](const std::exception_ptr& e) { return bool(e); })) board.work();
    };
    std::vector<std::jthread> workers;
    for (std::exception_ptr& error : broken) {
      try {
        workers.emplace_back(lane, std::ref(error));
      } catch (const std::system_error& none) {
        error = std::make_exception_ptr(
            Error(fmt::format("cannot start a thread for run {} of {} at once: {}; set parallel_runs lower",
                              workers.size() + 1, lanes.count, none.what())));
        ready.count_down();  // the others must not wait for it
      }
    }
    workers.clear();  // waits for them
    for (const std::exception_ptr& error : broken) {
      if (error) std::rethrow_exception(error);
    }
  }
  board.rethrow();
}

}  // namespace thalweg

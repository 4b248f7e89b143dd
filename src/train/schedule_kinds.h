// The names of the schedule kinds and their keys (listed in train/schedule.h).
#pragma once

#include <cstdint>

#include "io/config_reader.h"
#include "train/schedule_shapes.h"

namespace thalweg {

// Far longer than any run, and small enough that epochs * steps_per_epoch is an exact step number.
constexpr double kMaxScheduleEpochs = 1e7;

// The time frame of a shape: the part of the run after the warm-up.
struct ScheduleTimes {
  std::int64_t steps_per_epoch = 1;
  double warmup = 0;  // epochs
  double end = 0;     // end of the run in epochs, warm-up included
  std::int64_t end_step = 0;

  std::int64_t steps(double epochs) const;  // rounded
};

// Reads "kind" and the keys of that kind; the caller reads "warmup" and calls finish(). Throws a usage Error naming the
// key.
ScheduleShape read_schedule_shape(ConfigReader& reader, const ScheduleTimes& times);

}  // namespace thalweg

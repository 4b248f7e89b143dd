// What the kinds of schedules are called and which keys they have (train/schedule.h lists them).
#pragma once

#include <cstdint>

#include "io/config_reader.h"
#include "train/schedule_shapes.h"

namespace thalweg {

// Far beyond any run, and small enough that epochs * steps_per_epoch stays an exact step number.
constexpr double kMaxScheduleEpochs = 1e7;

// Of the part of a run that a shape is for: all behind the warm-up.
struct ScheduleTimes {
  std::int64_t steps_per_epoch = 1;
  double warmup = 0;  // epochs
  double end = 0;     // of the run, epochs with the warm-up
  std::int64_t end_step = 0;

  std::int64_t steps(double epochs) const;  // rounded
};

// Reads "kind" and the keys of that kind; "warmup" and finish() are the caller's. Throws usage Error naming the key.
ScheduleShape read_schedule_shape(ConfigReader& reader, const ScheduleTimes& times);

}  // namespace thalweg

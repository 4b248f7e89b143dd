// Train and test loss on straight lines in weight space (no projection): from the first snapshot of each branch, which
// is its fork, to its end, two points, and from its end to that of the next branch by decay time, measures.line_points
// of them (Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020). Each is a surface
// of one row, lines/FROM+TO.h5 and .csv, where FROM is "main" at a fork. The images, precision and samples are the
// landscape's; batch norm's statistics are those of the point, or of the batch, and an adaptive landscape's lines are
// exact.
#pragma once

#include "experiment/seeds.h"

namespace thalweg {

// Of an experiment whose runs are trained; lines that are there and still fit stay. Does nothing with fewer than two
// branches, or without measures.line_points. Two ends that are the same have no line: that is told, and the report then
// has none of the lines.
void map_lines(const Member& member);

}  // namespace thalweg

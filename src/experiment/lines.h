// Train and test loss on straight lines in weight space (no projection): two points for the line from each branch's
// first snapshot, which is its fork, to its end, and measures.line_points for the line from its end to that of the next
// branch by decay time (Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020). Each
// line is a surface with a single row, lines/FROM+TO.h5 and .csv, with FROM = "main" for a line that starts at a fork.
// Images, precision and samples are those of the landscape configuration. Batch norm uses the statistics of each point,
// or of the batch, never the origin's. Lines are evaluated exactly even if the landscape is adaptive.
#pragma once

#include "experiment/seeds.h"

namespace thalweg {

// Maps the lines of an experiment whose runs are trained; lines that exist and are still up to date are kept. Does
// nothing if there are fewer than two branches or measures.line_points is 0. Between two equal sets of weights there is
// no line: a message is printed, and the report then shows no lines at all.
void map_lines(const SeedExperiment& experiment);

}  // namespace thalweg

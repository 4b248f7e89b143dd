#include "kernels/cross_entropy.h"

namespace thalweg {

void cross_entropy_cpu(const CrossEntropyArgs& args) {
  double loss = 0;
  std::int64_t correct = 0;
  for (std::int64_t n = 0; n < args.num_images; ++n) {
    const TrainLoss row = cross_entropy_row(args, n);
    loss += row.loss;
    correct += row.correct;
  }
  args.sums[0] += loss;
  args.sums[1] += static_cast<double>(correct);
  args.sums[2] += static_cast<double>(args.num_images);
  *args.loss += static_cast<float>(loss / static_cast<double>(args.batch_size));
}

}  // namespace thalweg

#include "kernels/head.h"

#include <cmath>
#include <utility>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stream.h"
#include "gpu.h"
#include "nn/activation_type.h"
#include "nn/images.h"

namespace thalweg {
namespace {

struct Head {
  at::Tensor features, weight, bias, labels;  // [N, pixels, channels], [K, channels], [K], [N]

  Head(std::int64_t n, std::int64_t pixels, std::int64_t channels, std::int64_t classes, at::ScalarType type) {
    auto generator = at::detail::createCPUGenerator(41);
    features = at::randn({n, pixels, channels}, generator).to(type);
    weight = at::randn({classes, channels}, generator).to(type);
    bias = at::randn({classes}, generator).to(type);
    labels = at::randint(0, classes, {n}, generator);
  }
  Head to(c10::Device device) const {
    Head out = *this;
    for (at::Tensor Head::*tensor : {&Head::features, &Head::weight, &Head::bias, &Head::labels})
      out.*tensor = (out.*tensor).to(device);
    return out;
  }
  Head rows(std::int64_t begin, std::int64_t end) const {
    Head out = *this;
    out.features = features.slice(0, begin, end);
    out.labels = labels.slice(0, begin, end);
    return out;
  }
  ImageValues run() const {
    ImageValues values = empty_values(labels.size(0), labels.options());
    HeadArgs args;
    args.type = activation_type_of(features);
    args.features = features.const_data_ptr();
    args.weight = weight.const_data_ptr();
    args.bias = bias.const_data_ptr();
    args.labels = labels.const_data_ptr<std::int64_t>();
    args.num_images = features.size(0);
    args.pixels = features.size(1);
    args.channels = features.size(2);
    args.num_classes = weight.size(0);
    args.losses = values.losses.mutable_data_ptr<double>();
    args.correct = values.correct.mutable_data_ptr<std::int32_t>();
    args.margins = values.margins.mutable_data_ptr<float>();
    if (labels.is_cuda()) {
      head_losses_cuda(args, current_stream(labels.device()));
    } else {
      head_losses_cpu(args);
    }
    return values;
  }
};

const Head kHeads[] = {{7, 16, 512, 10, at::kHalf}, {1, 1, 3, 2, at::kHalf},  {9, 4, 33, 100, at::kBFloat16},
                       {5, 1, 64, 10, at::kFloat},  {0, 1, 8, 10, at::kHalf}, {3, 1, 7000, 10, at::kHalf}};

TEST(Head, IsAverageLinearLayerAndLoss) {
  for (const Head& head : kHeads) {
    const ImageValues got = head.run();
    const at::Tensor logits =
        at::linear(head.features.to(at::kDouble).mean(1), head.weight.to(at::kDouble), head.bias.to(at::kDouble));
    if (head.labels.size(0) == 0) continue;
    const at::Tensor expected = at::cross_entropy_loss(logits, head.labels, {}, at::Reduction::None);
    EXPECT_TRUE(at::allclose(got.losses, expected, 1e-5, 1e-5 * logits.abs().max().item<double>()));
    EXPECT_TRUE(at::equal(got.correct.to(at::kBool), logits.argmax(1) == head.labels));
    const at::Tensor own = logits.gather(1, head.labels.view({-1, 1}));
    const at::Tensor rival = logits.scatter(1, head.labels.view({-1, 1}), -INFINITY).amax(1);
    EXPECT_TRUE(at::allclose(got.margins.to(at::kDouble), own.squeeze(1) - rival, 1e-4,
                             1e-5 * logits.abs().max().item<double>()));
  }
}

TEST(Head, GivesAnImageTheSameBitsInAnyBatch) {
  const Head head(37, 4, 200, 10, at::kHalf);
  const ImageValues whole = head.run();
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {5, 22}, {36, 37}}) {
    const ImageValues part = head.rows(begin, end).run();
    EXPECT_TRUE(at::equal(part.losses, whole.losses.slice(0, begin, end)));
    EXPECT_TRUE(at::equal(part.margins, whole.margins.slice(0, begin, end)));
  }
}

TEST(Head, ShowsNanAndInfinity) {
  Head head(3, 1, 40, 10, at::kHalf);
  head.features[0][0][5] = std::nan("");
  head.features[1][0][39] = INFINITY;
  const at::Tensor losses = head.run().losses;
  EXPECT_EQ(at::isfinite(losses).sum().item<int>(), 1);
  EXPECT_TRUE(at::isfinite(losses)[2].item<bool>());
}

// Equal up to rounding: the GPU contracts multiply-adds.
TEST(CudaHead, EqualsTheCpus) {
  THALWEG_NEED_GPU();
  for (const Head& head : kHeads) {
    if (head.labels.size(0) == 0) continue;
    const ImageValues expected = head.run(), got = head.to(kGpu).run();
    const double scale = expected.losses.abs().max().item<double>();
    EXPECT_TRUE(at::allclose(got.losses.cpu(), expected.losses, 1e-4, 1e-5 * scale));
    EXPECT_TRUE(at::equal(got.correct.cpu(), expected.correct));
    EXPECT_TRUE(at::allclose(got.margins.cpu(), expected.margins, 1e-4, 1e-5 * scale));
    EXPECT_TRUE(at::equal(head.to(kGpu).run().losses, got.losses));
  }
  const Head head = Head(37, 4, 200, 10, at::kHalf).to(kGpu);
  EXPECT_TRUE(at::equal(head.rows(5, 22).run().losses, head.run().losses.slice(0, 5, 22)));
}

}  // namespace
}  // namespace thalweg

// Compares the kernels with their CPU counterparts. Reported as skipped without a GPU.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "gpu.h"
#include "models/models.h"
#include "nn/evaluate.h"
#include "nn/init.h"
#include "nn/materialise.h"
#include "train/step.h"

namespace thalweg {
namespace {

class CudaKernels : public GpuTest {
 protected:
  at::Generator generator_ = at::detail::createCPUGenerator(23);

  ImageBatches images(c10::Device device, std::int64_t n = 37) {
    auto generator = at::detail::createCPUGenerator(29);
    return {at::randint(0, 256, {n, 3, 32, 32}, generator).to(at::kByte),
            at::randint(0, 10, {n}, generator),
            {0.5, 0.5, 0.5},
            {0.25, 0.25, 0.25},
            device};
  }
};

TEST_F(CudaKernels, BatchesEqualTheCpus) {
  const at::Tensor indices = at::tensor({5, 0, 36, 7}, at::kLong);
  const AugmentSpec spec{4, true, 6};
  const at::Tensor cpu = images(at::kCPU).training_batch(indices, 4, nullptr, {spec, false, 3}).images;
  const at::Tensor cuda = images(kGpu).training_batch(indices.to(kGpu), 4, nullptr, {spec, false, 3}).images;
  EXPECT_TRUE(at::allclose(cuda.cpu(), cpu, 1e-6, 1e-6));  // one multiply-add, contracted on the GPU
}

TEST_F(CudaKernels, FoldedWeightsEqualTheCpus) {
  ModelConfig config;
  config.name = "resnet20";
  config.shortcut = "B";
  const Graph graph = build_model(config, {3, 32, 32}, 10);
  const Program program = compile(graph);
  const at::Tensor origin = initial_weights(graph, 1);
  const at::Tensor d1 = at::randn_like(origin) * 0.01;
  const at::Tensor d2 = at::randn_like(origin) * 0.01;
  const at::Tensor points = at::randn({3, 2}, generator_);
  const at::Tensor buffers = initial_buffers(graph) + at::rand({3, graph.buffers.size()}, generator_);
  const at::Tensor cpu = PlaneMaterialiser(program, {origin, d1, d2}).folded(points, buffers);
  const PlaneMaterialiser on_gpu(program, {origin.to(kGpu), d1.to(kGpu), d2.to(kGpu)});
  EXPECT_TRUE(at::allclose(on_gpu.folded(points.to(kGpu), buffers.to(kGpu)).cpu(), cpu, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(on_gpu.weights(points.to(kGpu)).cpu(),
                           PlaneMaterialiser(program, {origin, d1, d2}).weights(points), 1e-5, 1e-6));
}

TEST_F(CudaKernels, LossesEqualTheCpus) {
  ModelConfig config;
  config.name = "vgg11_bn";
  config.width = 0.25;
  const Graph graph = build_model(config, {3, 32, 32}, 10);
  const at::Tensor weights = initial_weights(graph, 2);
  const at::Tensor buffers = initial_buffers(graph);
  Evaluator on_cpu(compile(graph), at::kCPU);
  Evaluator on_gpu(compile(graph), kGpu);
  const SplitMetrics cpu = evaluate_weights(on_cpu, weights, buffers, images(at::kCPU));
  const SplitMetrics cuda = evaluate_weights(on_gpu, weights.to(kGpu), buffers.to(kGpu), images(kGpu));
  EXPECT_NEAR(cuda.loss, cpu.loss, 1e-5 * cpu.loss);
  EXPECT_EQ(cuda.accuracy, cpu.accuracy);
}

TEST_F(CudaKernels, TrainingStepsEqualTheCpus) {
  ModelConfig config;
  config.name = "mlp";
  config.hidden = {32};
  const Graph graph = build_model(config, {3, 32, 32}, 10);
  TrainConfig train;
  train.batch = 16;
  std::vector<at::Tensor> weights;
  for (const c10::Device device : {c10::Device(at::kCPU), kGpu}) {
    const ImageBatches data = images(device);
    TrainStep step(graph, data, train, 1, fresh_state(initial_weights(graph, 3), initial_buffers(graph)));
    for (int i = 0; i < 7; ++i) step.run(0.05);
    weights.push_back(step.weights().cpu());
  }
  EXPECT_TRUE(at::allclose(weights[1], weights[0], 1e-3, 1e-5));
}

}  // namespace
}  // namespace thalweg

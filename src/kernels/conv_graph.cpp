#include "kernels/conv_graph.h"

#include <unordered_map>
#include <vector>

#include <cuda_runtime_api.h>
#include <cudnn_frontend.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace thalweg {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

// Identifies the tensors when pointers are passed for execution.
enum Uid : std::int64_t { kImage = 1, kFilter, kOutput, kBias, kResidual };

void check_frontend(fe::error_t status, const std::string& what, const char* doing) {
  if (status.is_good()) return;
  fail("{}: cuDNN failed to {}: {}; use LibTorch's own convolution for it, or another type", what, doing,
       first_line(status.get_message()));
}

void check_cudnn(cudnnStatus_t status, const char* doing) {
  check(status == CUDNN_STATUS_SUCCESS, "cuDNN failed to {}: {}", doing, cudnnGetErrorString(status));
}

fe::DataType_t data_type(ActivationType type) {
  switch (type) {
    case ActivationType::kFloat16:
      return fe::DataType_t::HALF;
    case ActivationType::kBFloat16:
      return fe::DataType_t::BFLOAT16;
    case ActivationType::kFloat32:
      break;
  }
  return fe::DataType_t::FLOAT;
}

struct Dims {
  std::int64_t outer, channels, height, width;
};

fe::graph::Tensor_attributes channels_last(Uid uid, const Dims& d) {
  return fe::graph::Tensor_attributes()
      .set_uid(uid)
      .set_dim({d.outer, d.channels, d.height, d.width})
      .set_stride({d.height * d.width * d.channels, 1, d.width * d.channels, d.channels});
}

fe::graph::Tensor_attributes image_of(const ConvShape& shape) {
  return channels_last(kImage, {shape.n, shape.c, shape.h, shape.w});
}

fe::graph::Tensor_attributes filter_of(const ConvShape& shape) {
  return channels_last(kFilter, {shape.k, shape.c, shape.r, shape.s});
}

fe::graph::Tensor_attributes output_of(const ConvShape& shape, Uid uid = kOutput) {
  return channels_last(uid, {shape.n, shape.k, shape.p(), shape.q()});
}

template <typename Attributes>
Attributes geometry(const ConvShape& shape) {
  return Attributes()
      .set_padding({shape.padding, shape.padding})
      .set_stride({shape.stride, shape.stride})
      .set_dilation({1, 1});
}

Tensor pointwise_add(fe::graph::Graph& graph, const Tensor& left, const fe::graph::Tensor_attributes& right) {
  return graph.pointwise(left, graph.tensor(right),
                         fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::ADD));
}

// The residual is added before the bias: cuDNN has no engine for the other order.
Tensor add_forward(fe::graph::Graph& graph, const ConvShape& shape, ConvPass pass) {
  Tensor value = graph.conv_fprop(graph.tensor(image_of(shape)), graph.tensor(filter_of(shape)),
                                  geometry<fe::graph::Conv_fprop_attributes>(shape));
  if (pass == ConvPass::kForward) return value;
  if (pass == ConvPass::kForwardBiasAddRelu) value = pointwise_add(graph, value, output_of(shape, kResidual));
  value = pointwise_add(graph, value, channels_last(kBias, {1, shape.k, 1, 1}));
  if (pass == ConvPass::kForwardBias) return value;
  return graph.pointwise(value, fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::RELU_FWD));
}

void add_operations(fe::graph::Graph& graph, const ConvShape& shape, ConvPass pass) {
  Tensor result;
  fe::graph::Tensor_attributes like;
  if (pass == ConvPass::kInputGradient) {
    result = graph.conv_dgrad(graph.tensor(output_of(shape)), graph.tensor(filter_of(shape)),
                              geometry<fe::graph::Conv_dgrad_attributes>(shape));
    like = image_of(shape);
  } else if (pass == ConvPass::kWeightGradient) {
    result = graph.conv_wgrad(graph.tensor(output_of(shape)), graph.tensor(image_of(shape)),
                              geometry<fe::graph::Conv_wgrad_attributes>(shape));
    like = filter_of(shape);
  } else {
    result = add_forward(graph, shape, pass);
    like = output_of(shape);
  }
  result->set_output(true).set_uid(like.get_uid()).set_dim(like.get_dim()).set_stride(like.get_stride());
}

// Excludes engines that round more than the type and float32 sums do and, if `deterministic`, those that do not give
// the same bits each time. For float32, tensor cores mean TF32.
void keep_exact_engines(fe::graph::Graph& graph, ActivationType type, bool deterministic) {
  std::vector<fe::NumericalNote_t> barred = {fe::NumericalNote_t::DOWN_CONVERT_INPUTS,
                                             fe::NumericalNote_t::REDUCED_PRECISION_REDUCTION};
  if (deterministic) barred.push_back(fe::NumericalNote_t::NONDETERMINISTIC);
  if (type == ActivationType::kFloat32) barred.push_back(fe::NumericalNote_t::TENSOR_CORE);
  graph.deselect_numeric_notes(barred);
}

}  // namespace

struct ConvDevice::Cudnn {
  cudnnHandle_t handle = nullptr;                    // of a GPU that is present
  std::shared_ptr<fe::DeviceProperties> properties;  // of an absent GPU

  Cudnn() = default;
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;
  ~Cudnn() {
    if (handle != nullptr) cudnnDestroy(handle);
  }
};

ConvDevice::ConvDevice(std::string gpu, std::int64_t driver, std::unique_ptr<Cudnn> cudnn)
    : gpu_(std::move(gpu)), driver_(driver), cudnn_(std::move(cudnn)) {}

ConvDevice::~ConvDevice() = default;

void ConvDevice::use_stream(cudaStream_t stream) const {
  check_cudnn(cudnnSetStream(cudnn_->handle, stream), "set the stream");
}

std::int64_t ConvDevice::cudnn_version() {
  return static_cast<std::int64_t>(cudnnGetVersion());
}

std::unique_ptr<ConvDevice> ConvDevice::current_gpu() {
  int index = 0;
  int driver = 0;
  cudaDeviceProp properties = {};
  cudaError_t error = cudaGetDevice(&index);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, index);
  if (error == cudaSuccess) error = cudaDriverGetVersion(&driver);
  check(error == cudaSuccess, "convolution plans need a GPU: {}; use the device \"cpu\" without one",
        cudaGetErrorString(error));
  auto cudnn = std::make_unique<Cudnn>();
  check_cudnn(cudnnCreate(&cudnn->handle), "start");
  return std::unique_ptr<ConvDevice>(new ConvDevice(properties.name, driver, std::move(cudnn)));
}

std::unique_ptr<ConvDevice> ConvDevice::absent_gpu(const std::string& properties) {
  const nlohmann::json json = nlohmann::json::parse(properties, nullptr, /*allow_exceptions=*/false);
  check(json.is_object() && json.contains("deviceName") && json["deviceName"].is_string() &&
            json.value("driverVer", nlohmann::json()).is_number_integer(),
        "device properties: expected JSON as cuDNN writes it, with \"deviceName\" and \"driverVer\"");
  auto cudnn = std::make_unique<Cudnn>();
  cudnn->properties = std::make_shared<fe::DeviceProperties>();
  check_frontend(cudnn->properties->deserialize({properties.begin(), properties.end()}), "device properties", "read");
  return std::unique_ptr<ConvDevice>(
      new ConvDevice(json["deviceName"].get<std::string>(), json["driverVer"].get<std::int64_t>(), std::move(cudnn)));
}

struct ConvGraph::Frontend {
  fe::graph::Graph graph;
};

ConvGraph::ConvGraph(const ConvDevice& device, const ConvShape& shape, ConvPass pass, const ConvPlanOptions& options)
    : device_(device), what_(describe(shape, pass)), frontend_(std::make_unique<Frontend>()) {
  fe::graph::Graph& graph = frontend_->graph;
  graph.set_io_data_type(data_type(shape.type))
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  if (device.cudnn_->properties) graph.set_device_properties(device.cudnn_->properties);
  add_operations(graph, shape, pass);
  check_frontend(graph.validate(), what_, "accept the shape");
  check_frontend(graph.build_operation_graph(device.cudnn_->handle), what_, "build its graph");
  check_frontend(graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}), what_, "find a plan");
  keep_exact_engines(graph, shape.type, options.deterministic);
  graph.deselect_workspace_greater_than(options.max_workspace);
}

ConvGraph::~ConvGraph() = default;

std::size_t ConvGraph::num_candidates() const {
  return static_cast<std::size_t>(frontend_->graph.get_execution_plan_count());
}

std::string ConvGraph::name(std::size_t candidate) const {
  std::string name;
  check_frontend(frontend_->graph.get_plan_name_at_index(static_cast<std::int64_t>(candidate), name), what_,
                 "name a plan");
  return name;
}

bool ConvGraph::build(std::size_t candidate) {
  return frontend_->graph.build_plan_at_index(static_cast<std::int64_t>(candidate)).is_good();
}

std::int64_t ConvGraph::workspace_bytes(std::size_t candidate) const {
  std::int64_t bytes = 0;
  check_frontend(frontend_->graph.get_workspace_size_plan_at_index(static_cast<std::int64_t>(candidate), bytes), what_,
                 "report the size of a workspace");
  return bytes;
}

void ConvGraph::execute(std::size_t candidate, const ConvBuffers& buffers, void* workspace, cudaStream_t stream) const {
  cudnnHandle_t handle = device_.cudnn_->handle;
  check(handle != nullptr, "{}: planned for a GPU that is not available ({}), so it cannot run", what_, device_.gpu());
  device_.use_stream(stream);
  std::unordered_map<std::int64_t, void*> pointers = {{kImage, buffers.image},
                                                      {kFilter, buffers.filter},
                                                      {kOutput, buffers.output},
                                                      {kBias, buffers.bias},
                                                      {kResidual, buffers.residual}};
  check_frontend(
      frontend_->graph.execute_plan_at_index(handle, pointers, workspace, static_cast<std::int64_t>(candidate)), what_,
      "run");
}

}  // namespace thalweg

#include "nn/materialise.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/stream.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

void check_vector(const at::Tensor& vector, const at::Tensor& origin, const char* name) {
  check(vector.dim() == 1 && vector.is_contiguous() && vector.scalar_type() == at::kFloat &&
            vector.sizes() == origin.sizes() && vector.device() == origin.device(),
        "a plane's {} must be a float32 vector of the origin's length ({}) on its device", name, origin.numel());
}

}  // namespace

PlaneMaterialiser::PlaneMaterialiser(const Program& program, PlaneVectors plane)
    : plane_(std::move(plane)),
      num_segments_(static_cast<int>(program.segments.size())),
      folded_size_(program.folded_size) {
  check_vector(plane_.origin, plane_.origin, "origin");
  check_vector(plane_.d1, plane_.origin, "d1");
  check_vector(plane_.d2, plane_.origin, "d2");
  const auto bytes = static_cast<std::int64_t>(program.segments.size() * sizeof(FoldSegment));
  // Nothing writes through from_blob's pointer; the clone owns its bytes.
  segments_ = at::from_blob(const_cast<FoldSegment*>(program.segments.data()), {bytes}, at::kByte)
                  .clone()
                  .to(plane_.origin.device());
}

PlanePointers PlaneMaterialiser::pointers() const {
  return {plane_.origin.const_data_ptr<float>(), plane_.d1.const_data_ptr<float>(), plane_.d2.const_data_ptr<float>()};
}

at::Tensor PlaneMaterialiser::weights(const at::Tensor& coordinates) const {
  const at::Tensor out = at::empty({coordinates.size(0), plane_.origin.size(0)}, plane_.origin.options());
  PlaneWeightsArgs args;
  args.plane = pointers();
  args.num_parameters = plane_.origin.size(0);
  args.coordinates = coordinates.const_data_ptr<float>();
  args.num_points = static_cast<int>(coordinates.size(0));
  args.out = out.mutable_data_ptr<float>();
  run_kernel(args, out.device(), plane_weights_cpu, plane_weights_cuda);
  return out;
}

at::Tensor PlaneMaterialiser::folded(const at::Tensor& coordinates, const at::Tensor& buffers) const {
  const at::Tensor out = at::zeros({coordinates.size(0), folded_size_}, plane_.origin.options());  // zeroes gaps, too
  fold_into(out, coordinates, buffers);
  return out;
}

void PlaneMaterialiser::fold_into(const at::Tensor& out, const at::Tensor& coordinates, const at::Tensor& buffers,
                                  const at::Tensor& overflowed) const {
  check(out.is_contiguous() && out.dim() == 2 && out.size(0) == coordinates.size(0) && out.size(1) == folded_size_,
        "folded weights of {} points need {} elements each, got {} in all", coordinates.size(0), folded_size_,
        out.numel());
  MaterialiseArgs args;
  args.plane = pointers();
  args.coordinates = coordinates.const_data_ptr<float>();
  args.buffers = buffers.const_data_ptr<float>();
  args.buffer_stride = buffers.dim() == 2 ? buffers.size(1) : 0;
  args.segments = reinterpret_cast<const FoldSegment*>(segments_.const_data_ptr<std::uint8_t>());
  args.num_segments = num_segments_;
  args.num_points = static_cast<int>(coordinates.size(0));
  args.type = activation_type_of(out);
  args.out = out.mutable_data_ptr();
  args.out_stride = folded_size_;
  if (overflowed.defined()) args.overflowed = overflowed.mutable_data_ptr<std::int32_t>();
  run_kernel(args, out.device(), materialise_cpu, materialise_cuda);
}

}  // namespace thalweg

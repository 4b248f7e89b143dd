#!/usr/bin/env bash
# Builds, tests and measures on a GPU machine that has no network and may be bare but for CUDA 13 and Python with
# LibTorch's wheel:
#   bench/gpu.sh pack [CIFAR-FOLDER]   where there is a network: gathers into .carry/ what such a machine lacks
#   bench/gpu.sh run [CONFIG]          there, in the same tree with its .carry/: everything else
# run writes logs and summary.json to $OUT (default: out/gpu), one entry a stage with its exit status and seconds, and
# goes on after a stage that failed, for such machines are often lent by the minute; it ends with 1 if any stage failed.
# A config is experiments/demo.json unless named. STAGES="build tests" chooses.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
readonly kStages=${STAGES:-build tests kernels train choices side_by_side profile peer landscape landscape_exact experiment sanitizer}

# Header and library packages that the build takes from the system. Unpacked, not installed, so any distribution does
# whose C library is no older than that of the machine that packed them.
readonly kPackages=(nlohmann-json3-dev libcxxopts-dev libgmock-dev libgtest-dev libhdf5-dev libhdf5-103-1 libhdf5-hl-100 libaec-dev libaec0 libsz2
  libcurl4-openssl-dev libcurl4 libarchive-dev libarchive13 libssl-dev libssl3 zlib1g-dev zlib1g libnghttp2-14 librtmp1 libssh2-1
  libpsl5 libldap-2.5-0 libsasl2-2 libbrotli1 libacl1 libnettle8 libhogweed6 libgmp10 libxml2 libicu72 liblzma5 libzstd1 liblz4-1 libbz2-1.0
  ninja-build)

pack() {
  local data=${1:-} plotly site
  rm -rf .carry
  mkdir -p .carry/debs .carry/data
  (cd .carry/debs && apt-get download -q "${kPackages[@]}") || exit 1
  plotly=$(find "${THALWEG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/thalweg}" -name plotly.min.js 2>/dev/null | head -n 1)
  cp "${plotly:?run ./bootstrap setup first}" .carry/
  # Headers of cuDNN's graph API, and cuDNN's own in case the wheel there comes without; the library is the wheel's.
  site=$(cd "$(dirname "$plotly")/../.." && pwd)
  mkdir -p .carry/cudnn/include
  cp -r "$site"/include/cudnn_frontend* "$site"/nvidia/cudnn/include/. .carry/cudnn/include/ || exit 1
  if [ -n "$data" ]; then cp -r "$data" .carry/data/; fi
  # The other machine's checkout may come without its history.
  git describe --always --dirty --abbrev=12 >.carry/commit
  du -sh .carry
}

configure_and_build() {
  local prefix=$PWD/build/carry deb site cuda
  mkdir -p "$prefix"
  for deb in .carry/debs/*.deb; do dpkg -x "$deb" "$prefix" || return 1; done
  site=$(python3 -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])') || return 1
  cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")")")
  export PATH=$PATH:$prefix/usr/bin
  # Carried libraries link against each other by name alone.
  local lib=$prefix/usr/lib/x86_64-linux-gnu
  cmake --preset release -DCMAKE_CUDA_COMPILER="$cuda/bin/nvcc" -DCUDAToolkit_ROOT="$cuda" -DCUDA_TOOLKIT_ROOT_DIR="$cuda" \
    -DCMAKE_PREFIX_PATH="$site/torch/share/cmake;$prefix/usr;$PWD/.carry/cudnn" -DHDF5_ROOT="$prefix/usr" -DHDF5_NO_FIND_PACKAGE_CONFIG_FILE=ON \
    -DCMAKE_LIBRARY_PATH="$lib;$lib/hdf5/serial" -DCMAKE_INCLUDE_PATH="$prefix/usr/include/hdf5/serial;$prefix/usr/include/x86_64-linux-gnu" \
    -DCMAKE_EXE_LINKER_FLAGS="-Wl,-rpath-link,$lib:$lib/hdf5/serial -Wl,-rpath,$lib:$lib/hdf5/serial" \
    -DTHALWEG_PYTHON="$(command -v python3)" -DTHALWEG_PLOTLY_JS="$PWD/.carry/plotly.min.js" \
    -DTHALWEG_CUDA_ARCHITECTURES="${THALWEG_CUDA_ARCHITECTURES:-native}" || return 1
  THALWEG_COMMIT=$(cat .carry/commit) cmake --build build/release -j "$(nproc)"
}

gpu_tests() { ctest --test-dir build/release --output-on-failure -j4 --output-junit "$OUT/tests.xml"; }

# The kernels' tests once under each checker; races and uninitialised reads are found by these alone.
sanitize() {
  local tool status=0
  for tool in memcheck racecheck initcheck synccheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 9 build/release/tests/thalweg_tests \
      --gtest_filter="${SANITIZER_FILTER:-CudaKernels*:*OnAGpu*:*CudaTrainStep.FollowsTheCpu*:CudaPointEngine.EvaluatesNamed*}" || status=1
  done
  return $status
}

kernel_benchmarks() {
  local status=0
  cmake --preset bench $(sed -nE 's/^(CMAKE_PREFIX_PATH|CMAKE_CUDA_COMPILER|CUDAToolkit_ROOT|CUDA_TOOLKIT_ROOT_DIR|HDF5_ROOT|CMAKE_LIBRARY_PATH|CMAKE_INCLUDE_PATH|THALWEG_PYTHON|THALWEG_PLOTLY_JS|THALWEG_CUDA_ARCHITECTURES):[A-Z]+=(.*)/-D\1=\2/p' build/release/CMakeCache.txt) &&
    cmake --build build/bench -j "$(nproc)" || return 1
  build/bench/bench/bench_engine cuda:0 20 >"$OUT/bench_engine.jsonl" || status=1
  return $status
}

# bench_train with the arguments, a line to FILE. Needs the stage "kernels", which builds it.
train_sample() { build/bench/bench/bench_train "${@:2}" >>"$OUT/$1"; }

# Steps alone.
train_benchmarks() {
  local model batch status=0
  for model in resnet18 vgg11_bn resnet20; do
    for batch in 128 512 1024; do
      train_sample bench_train.jsonl $model bf16 $batch cuda:0 4 || status=1
    done
  done
  return $status
}

# What the plans gain over LibTorch's choices, and what the same bits again cost: each way at each batch size.
choice_benchmarks() {
  local model batch way status=0
  for model in resnet18 vgg11_bn; do
    for batch in 128 512 1024; do
      for way in "" --any-order --libtorch "--libtorch --any-order"; do
        # shellcheck disable=SC2086  # two options, or none
        train_sample bench_choices.jsonl $model bf16 $batch cuda:0 3 $way || status=1
      done
    done
  done
  train_sample bench_choices.jsonl resnet18 float32 128 cuda:0 3 || status=1
  train_sample bench_choices.jsonl resnet18 float32 128 cuda:0 3 --libtorch || status=1
  return $status
}

# Several runs on the GPU at once: the sum of their rates.
side_by_side_benchmarks() {
  local model runs status=0
  for model in vgg11_bn resnet20 resnet18; do
    for runs in 1 2 4 8; do
      train_sample bench_side_by_side.jsonl $model bf16 128 cuda:0 4 --runs $runs || status=1
    done
  done
  return $status
}

# A Chrome trace of 20 captured steps, and their losses and plans.
profile() {
  local run=build/gpu-profile
  rm -rf "$run"
  build/release/thalweg train experiments/demo.json --out "$run" --device cuda:0 --profile 20 --set model.width=1 --set data.train_images=6400 --set train.batch=128 \
    --set train.precision=bf16 --set train.epochs=2 || return 1
  cp "$run"/{profile.json,metrics.jsonl,conv_plans.json,log.txt} "$OUT/"
}

# In turns with PyTorch, compiled and not.
peer_benchmarks() {
  local batch status=0
  for batch in 128 1024; do
    python3 bench/train_peer.py --device cuda:0 --compile --models resnet18 vgg11_bn --precisions bf16 --batch $batch \
      --rounds 2 --seconds 4 >>"$OUT/bench_train_peer.jsonl" || status=1
  done
  return $status
}

# Maps in turns with PyTorch's loops, compiled and not, over the same plane and images.
landscape_benchmarks() {
  python3 bench/landscape_peer.py --device cuda:0 --models vgg11_bn resnet18 --grid 5 --images 10000 --rounds 2 --threads "$(nproc)" \
    >>"$OUT/bench_landscape_peer.jsonl"
}

# Whole exact maps in float16 over 60,000 images: seconds of evaluation, plans, chunk and lanes, audited deviation.
exact_benchmarks() {
  python3 bench/landscape_peer.py --device cuda:0 --models vgg11_bn resnet18 --exact "${EXACT_GRID:-51x51}" --threads "$(nproc)" \
    >>"$OUT/bench_landscape_exact.jsonl"
}

experiment() {
  THALWEG_DATA=$PWD/.carry/data build/release/thalweg experiment "$config" --out build/gpu-experiment || return 1
  cp build/gpu-experiment/report.html "$OUT/"
}

# stage NAME COMMAND: its output to $OUT/NAME.log, its outcome to the summary.
stage() {
  local name=$1 start=$SECONDS status=0
  [[ " $kStages " == *" $name "* ]] || return 0
  echo "== $name"
  "$2" >"$OUT/$name.log" 2>&1 || status=$?
  tail -n 3 "$OUT/$name.log"
  entries+=("\"$name\": {\"status\": $status, \"seconds\": $((SECONDS - start))}")
  [ "$status" = 0 ] || failed=1
  write_summary
}

write_summary() {
  local gpu
  gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo none)
  printf '{"commit": "%s", "gpu": "%s", "nvcc": "%s", "stages": {%s}}\n' "$(cat .carry/commit)" "$gpu" \
    "$(nvcc --version 2>/dev/null | grep -o 'V[0-9.]*$')" "$(IFS=,; echo "${entries[*]}")" >"$OUT/summary.json"
}

run() {
  config=${1:-experiments/demo.json}
  export OUT=${OUT:-$PWD/out/gpu}
  mkdir -p "$OUT"
  [ -e .carry/commit ] || { echo "no .carry/ here: run bench/gpu.sh pack where there is a network"; exit 2; }
  entries=() failed=0
  stage build configure_and_build
  stage tests gpu_tests
  stage kernels kernel_benchmarks
  stage train train_benchmarks
  stage choices choice_benchmarks
  stage side_by_side side_by_side_benchmarks
  stage profile profile
  stage peer peer_benchmarks
  stage landscape landscape_benchmarks
  stage landscape_exact exact_benchmarks
  stage experiment experiment
  stage sanitizer sanitize
  cat "$OUT/summary.json"
  exit $failed
}

case ${1:-} in
  pack) shift; pack "$@" ;;
  run) shift; run "$@" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

#!/usr/bin/env bash
# Runs tests and benchmarks on a GPU machine that has no network, is available for minutes only, and may have nothing
# but a driver and a Python with LibTorch's wheel:
#   bench/gpu.sh pack [CIFAR-FOLDER]   on a machine with a network: builds, and packs into .carry/ the programs and the
#                                      system libraries that they need, and, given CIFAR-10, its first 10,000 training
#                                      images and 2,000 test images
#   bench/gpu.sh pack-build            instead: packs what is needed to build on the GPU machine (stage `build`)
#   bench/gpu.sh run [STAGE...]        on the GPU machine, in the same tree with its .carry/; default: the list "first"
# kFirst and kMore list the stages in their order; "first" and "more" select all of a list. Each stage has a limit in
# seconds, and all together have BUDGET (580). Logs and numbers go to build/gpu-out and, after each stage, to $OUT
# (out/gpu) as gpu.tar.gz, with summary.json. A failed stage does not stop the run, but makes it exit with status 1; a
# stage that cannot run on this machine ends with status 77 and does not affect it.
# All of CIFAR-10, which the stage `accuracy` needs, does not fit into .carry/. Your own script .carry/data.sh can make
# it on the GPU machine from images that are compressed better (`bash .carry/data.sh FOLDER`).
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1

# Each stage's name and limit in seconds, the most valuable first; stages for which no time is left are skipped.
# README.md lists the expected times.
readonly kFirst="tests:110 train:110 experiment:90 adaptive:45 theory:65 side_by_side:45 peer:75 landscape:110
  landscape_exact:150 choices:30 kernels:25 profile:40"
readonly kMore="peer_compiled:240 landscape_compiled:150 landscape_large:150 sanitizer:90 accuracy:300"
readonly kBuild="build:540"

readonly kPrograms=(thalweg tests/thalweg_tests bench/bench_engine bench/bench_train)
readonly kGpuTests='*Cuda*:*OnAGpu*:*TheGpu*:PlannedConvolutions.*:Device.*-ConvPlans.*:PlannedConvolutionsOnACpu.*'  # the last two need no GPU

# The folder of the unpacked programs, their libraries and wrapper scripts, and that of the stages' results.
readonly kUnpacked=build/gpu kResults=build/gpu-out

site_packages() {
  python3 -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("torch").origin).parents[1])'
}

# wrap PROGRAM-FOLDER LIBRARIES: makes a script for each program, which runs it with LibTorch's and these libraries.
# Other programs on this machine, such as Python, must not see these libraries.
wrap() {
  local program site libraries
  site=$(site_packages) || return 1
  libraries=$(printf '%s:' "$site"/torch/lib "$site"/nvidia/*/lib)$2
  mkdir -p $kUnpacked/bin
  for program in "${kPrograms[@]##*/}"; do
    # The driver's library may be in a folder that only the machine's LD_LIBRARY_PATH names.
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %s "$@"\n' "$libraries" "$(find "$1" -name "$program" -type f | head -n 1)" \
      >"$kUnpacked/bin/$program"
    chmod +x "$kUnpacked/bin/$program"
  done
}

# Falls back to Python on machines without the program xz.
extract() { tar -C "$2" -xf "$1" || python3 -m tarfile -e "$1" "$2"; }

unpack() {
  local stamp
  stamp=$kUnpacked/complete-$(sha256sum .carry/programs.tar.xz | cut -c1-16)
  if [ -e "$stamp" ]; then return; fi
  rm -rf $kUnpacked
  mkdir -p $kUnpacked
  extract .carry/programs.tar.xz $kUnpacked || return 1
  wrap "$PWD/$kUnpacked/programs" "$PWD/$kUnpacked/lib" || return 1
  # If this machine's libstdc++ and libgcc_s are older than ours, they lack symbols; newer ones have all of them.
  if ! $kUnpacked/bin/thalweg --version >/dev/null; then
    wrap "$PWD/$kUnpacked/programs" "$PWD/$kUnpacked/lib:$PWD/$kUnpacked/lib-compiler" || return 1
    $kUnpacked/bin/thalweg --version || return 1
  fi
  touch "$stamp"
}

unpack_data() {
  local stamp
  stamp=$kUnpacked/data-$(cat .carry/data.{sh,tar.xz} 2>/dev/null | sha256sum | cut -c1-16)
  if [ -e "$stamp" ]; then return; fi
  rm -rf $kUnpacked/data $kUnpacked/data-*
  mkdir -p $kUnpacked/data
  if [ -e .carry/data.sh ]; then
    timeout 120 bash .carry/data.sh $kUnpacked/data || return 1
  elif [ -e .carry/data.tar.xz ]; then
    extract .carry/data.tar.xz $kUnpacked/data || return 1
  fi
  touch "$stamp"
}

# Builds the release configuration, with tests and benchmarks.
build() {
  local prefix=$PWD/build/gpu-build site cuda lib
  mkdir -p "$prefix"
  extract .carry/build.tar.xz "$prefix" || return 1
  site=$(site_packages) || return 1
  cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")")")
  lib=$prefix/prefix/usr/lib/x86_64-linux-gnu
  export PATH=$PATH:$prefix/prefix/usr/bin
  # LibTorch's headers include headers of CUDA libraries that a small toolkit lacks.
  export CPATH=$site/nvidia/cu13/include
  cmake --preset release -DTHALWEG_BENCH=ON -DTHALWEG_WERROR=OFF \
    -DCMAKE_CUDA_COMPILER="$cuda/bin/nvcc" -DCUDAToolkit_ROOT="$cuda" -DCUDA_TOOLKIT_ROOT_DIR="$cuda" \
    -DCMAKE_PREFIX_PATH="$site/torch/share/cmake;$prefix/prefix/usr;$prefix/cudnn" \
    -DHDF5_NO_FIND_PACKAGE_CONFIG_FILE=ON -DHDF5_C_INCLUDE_DIR="$prefix/prefix/usr/include/hdf5/serial" \
    -DHDF5_hdf5_LIBRARY_RELEASE="$lib/libhdf5_serial.so" -DCMAKE_LIBRARY_PATH="$lib" \
    -DCMAKE_INCLUDE_PATH="$prefix/prefix/usr/include/x86_64-linux-gnu" \
    -DCMAKE_EXE_LINKER_FLAGS="-Wl,-rpath-link,$lib" -DTHALWEG_PYTHON="$(command -v python3)" \
    -DTHALWEG_PLOTLY_JS="$prefix/plotly.min.js" -DTHALWEG_CUDA_ARCHITECTURES="${THALWEG_CUDA_ARCHITECTURES:-native}" || return 1
  cmake --build build/release -j "$(nproc)" --target "${kPrograms[@]##*/}" && wrap "$PWD/build/release" "$lib"
}

# Runs the tests that need a GPU, in several processes: after an invalid access, all further tests of a process fail, and
# one may hang. Failed and skipped tests are printed.
tests() {
  local shard shards status=0 jobs=()
  shards=$(nproc)
  shards=$((shards < 12 ? shards : 12))
  rm -f "$kResults"/tests-*.json
  for ((shard = 0; shard < shards; ++shard)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$shard timeout --foreground -k 2 "${TEST_SECONDS:-95}" thalweg_tests \
      --gtest_filter="${TEST_FILTER:-$kGpuTests}" --gtest_output="json:$kResults/tests-$shard.json" \
      >"$kResults/tests-$shard.log" 2>&1 &
    jobs+=($!)
  done
  for ((shard = 0; shard < shards; ++shard)); do
    wait "${jobs[shard]}" || status=1
    grep -vE '^\[( RUN  |       OK|-+)' "$kResults/tests-$shard.log"
    if [ ! -e "$kResults/tests-$shard.json" ]; then  # written at the end
      echo "not finished: $(grep '^\[ RUN ' "$kResults/tests-$shard.log" | tail -n 1)"
    fi
  done
  python3 - "$kResults"/tests-*.json <<'END' || status=1
import collections, json, os, sys
counts = collections.Counter()
for file in filter(os.path.exists, sys.argv[1:]):
    for suite in json.load(open(file))["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("failures"):
                print("failed:", suite["name"] + "." + test["name"])
            counts["failed" if test.get("failures") else test["result"].lower()] += 1
print("tests: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
if counts["skipped"] > counts["completed"]:
    sys.exit("most tests were skipped: does the program see the GPU?")
sys.exit(0 if counts["completed"] else "no test passed")
END
  return $status
}

# train_sample FILE ARGUMENT...: runs bench_train, appends its JSON line to FILE and prints the most important fields.
train_sample() {
  bench_train "${@:2}" | tee -a "$kResults/$1" | grep -oE '"(batch|first_step_seconds|model|rate|runs)":[^,}]+' | tr '\n' ' '
  local status=${PIPESTATUS[0]}
  echo
  return "$status"
}

# Times training steps alone.
train() {
  local model batch status=0
  for batch in 128 512 1024; do
    for model in resnet18 vgg11_bn resnet20; do
      train_sample bench_train.jsonl $model bf16 $batch cuda:0 2 --plans "$kResults/plans-$model-$batch.json" || status=1
    done
  done
  return $status
}

# Times several runs on the GPU at once: the sum of their rates.
side_by_side() {
  local model runs status=0
  for model in resnet18 vgg11_bn resnet20; do
    for runs in 1 4; do
      train_sample bench_side_by_side.jsonl $model bf16 128 cuda:0 1 --runs $runs --plans "$kResults/plans-$model-128.json" ||
        status=1
    done
  done
  return $status
}

# Measures what the convolution plans gain over LibTorch's choices, and what reproducible bits cost.
choices() {
  local way status=0
  for way in "--plans $kResults/plans-resnet18-128.json" --libtorch "--libtorch --any-order" --any-order; do
    # shellcheck disable=SC2086  # may be two words
    train_sample bench_choices.jsonl resnet18 bf16 128 cuda:0 2 $way || status=1
  done
  return $status
}

landscape_peer() { python3 bench/landscape_peer.py --ours $kUnpacked/bin/thalweg --device cuda:0 --threads "$(nproc)" "$@"; }

readonly kMaps=(--grid 3 --low-grid 21 --precisions low --images 10000 --rounds 1)

# Computes maps in turns with PyTorch's loops over the same plane and images.
landscape() { landscape_peer --models vgg11_bn resnet18 "${kMaps[@]}" --loops folded >>"$kResults/bench_landscape_peer.jsonl"; }

# The same with PyTorch's loops compiled, with max-autotune.
landscape_compiled() {
  landscape_peer --models vgg11_bn "${kMaps[@]}" --loops compiled >>"$kResults/bench_landscape_compiled.jsonl"
}

# Complete exact maps in float16 over 60,000 images: evaluation time, plans, chunk, lanes and audited deviation.
landscape_exact() {
  landscape_peer --models vgg11_bn resnet18 --exact "${EXACT_GRID:-19x19}" >>"$kResults/bench_landscape_exact.jsonl"
}

landscape_large() {
  landscape_peer --models vgg11_bn --exact "${LARGE_GRID:-51x51}" >>"$kResults/bench_landscape_exact.jsonl"
}

# 320,000 runs of 100,000 steps.
theory() {
  thalweg theory experiments/theory/phase-diagram-gpu.json --device cuda:0 --out build/gpu-theory --json || return 1
  cp build/gpu-theory/figures/phase-diagram.svg build/gpu-theory/*.csv "$kResults/"
}

kernels() { bench_engine cuda:0 3 >"$kResults/bench_engine.jsonl"; }

# Records a Chrome trace of 20 captured steps, and their losses and plans.
profile() {
  local run=build/gpu-profile status=0
  rm -rf "$run"
  thalweg train experiments/demo.json --out "$run" --device cuda:0 --profile 20 --set model.width=1 --set data.train_images=6400 \
    --set train.batch=128 --set train.precision=bf16 --set train.epochs=2 --set branches=[] || status=1
  cp "$run"/{profile.json,metrics.jsonl,conv_plans.json,log.txt} "$kResults/" || status=1
  return $status
}

# Runs an experiment in the number types that are fast on a GPU, on CIFAR-10 if it was packed.
experiment() {
  local config=(experiments/demo.json)
  if [ -e $kUnpacked/data/cifar-10-batches-bin ]; then
    config=(experiments/cifar10-vgg11-cpu.json --set data.train_images=10000 --set data.test_images=2000)
  fi
  rm -rf build/gpu-experiment
  THALWEG_DATA=$PWD/$kUnpacked/data thalweg experiment "${config[@]}" --device cuda:0 --out build/gpu-experiment \
    --set train.precision=bf16 --set landscape.precision=auto || return 1
  cp build/gpu-experiment/report.html "$kResults/"
}

# Maps the experiment's plane adaptively and exactly.
adaptive() {
  local plane=build/gpu-experiment/planes/pca.safetensors name status=0
  local -A flags=([adaptive]=--tolerance=1% [exact]=)
  [ -e $plane ] || { echo "this stage needs the plane that the stage 'experiment' makes"; return 1; }
  for name in adaptive exact; do
    # shellcheck disable=SC2086  # may be no word
    THALWEG_DATA=$PWD/$kUnpacked/data thalweg landscape --plane $plane --device cuda:0 --grid "${ADAPTIVE_GRID:-51x51}" ${flags[$name]} \
      --precision auto --out "$kResults/map-$name.h5" --quiet --json >>"$kResults/bench_adaptive.jsonl" || status=1
  done
  grep -oE '"(certified|evaluation_seconds|points_evaluated|precision|tolerance)":[^,}]+' "$kResults/bench_adaptive.jsonl" | tr '\n' ' '
  return $status
}

# tell_accuracy CONFIG-NAME RUN: prints the seconds from when the process took up the run until 94 % and 95 % test
# accuracy, evaluations included, and the final results.
tell_accuracy() {
  python3 - "$1" "$2" <<'END'
import json, sys
name, run = sys.argv[1:]
epochs = [line for line in map(json.loads, open(f"{run}/metrics.jsonl")) if line["kind"] == "epoch"]
def first(share):
    return next((e["seconds"] for e in epochs if e.get("test_accuracy", 0) >= share), None)
print(json.dumps({"what": "accuracy", "config": name, "epochs": epochs[-1]["epoch"], "seconds": epochs[-1]["seconds"],
                  "seconds_to_94": first(0.94), "seconds_to_95": first(0.95),
                  "final": json.load(open(f"{run}/status.json")).get("final")}))
END
}

accuracy() {
  local name run status=0
  [ -e .carry/data.sh ] || { echo "this stage needs all of CIFAR-10: see .carry/data.sh at the top of bench/gpu.sh"; return 1; }
  for name in resnet18-94 resnet18-95 resnet18-200-epochs; do
    run=build/gpu-$name
    rm -rf "$run"
    THALWEG_DATA=$PWD/$kUnpacked/data thalweg train "experiments/accuracy/$name.json" --device cuda:0 --out "$run" --quiet || status=1
    cp "$run/metrics.jsonl" "$kResults/$name.jsonl" && tell_accuracy "$name" "$run" >>"$kResults/accuracy.jsonl" || status=1
  done
  cat "$kResults/accuracy.jsonl"
  return $status
}

train_peer() {
  python3 bench/train_peer.py --ours $kUnpacked/bin/bench_train --device cuda:0 --precisions bf16 --batch 128 --rounds 1 \
    --seconds 3 --plans "$kResults" "$@" >>"$kResults/bench_train_peer.jsonl"
}

# Times training steps in turns with eager PyTorch.
peer() { train_peer --models resnet18 vgg11_bn resnet20; }

# The same with compiled PyTorch, first in the mode that compiles faster. Convolutions stay cuDNN's: max-autotune would
# also try Triton's, which take a minute or more to compile; CONV_BACKENDS=ATEN,TRITON allows it.
peer_compiled() {
  TORCHINDUCTOR_MAX_AUTOTUNE_CONV_BACKENDS=${CONV_BACKENDS:-ATEN} train_peer --models resnet18 --compile reduce-overhead max-autotune
}

# Whether compute-sanitizer can use the device, which some virtual machines do not allow; the test's result is ignored.
sanitizer_works() {
  command -v compute-sanitizer || return 1
  timeout -k 5 40 compute-sanitizer --target-processes all $kUnpacked/bin/thalweg_tests --gtest_filter=CudaKernels.BatchesEqualTheCpus \
    >"$kResults/sanitizer-probe.log" 2>&1
  ! grep -i 'not supported' "$kResults/sanitizer-probe.log"
}

# Runs the kernels' tests once under each checker. The checkers look at our own kernels only, except for initcheck, to
# which memory written by unwatched kernels is uninitialised. Only this stage finds races and uninitialised reads.
sanitizer() {
  local tool status=0 jobs=() only tools=(memcheck racecheck initcheck synccheck)
  if ! sanitizer_works; then
    echo "skipped: compute-sanitizer does not work on this machine"
    return 77
  fi
  for tool in "${tools[@]}"; do
    only=(--kernel-name kns=thalweg)
    if [ "$tool" = initcheck ]; then only=(); fi
    compute-sanitizer --tool "$tool" "${only[@]}" --target-processes all --error-exitcode 9 $kUnpacked/bin/thalweg_tests \
      --gtest_filter="${SANITIZER_FILTER:-CudaKernels*:CudaHead*:CudaMaxPool*:CudaOverflow*:*OnAGpu*-ConvPlans.*:PlannedConvolutionsOnACpu.*}" >"$kResults/sanitizer-$tool.log" 2>&1 &
    jobs+=($!)
  done
  for tool in 0 1 2 3; do
    wait "${jobs[tool]}" || { echo "${tools[tool]} failed"; status=1; }
    tail -n 2 "$kResults/sanitizer-${tools[tool]}.log"
  done
  return $status
}

# record NAME STATUS SECONDS: writes the outcome and the log's last line to summary.json, and all results to $OUT.
record() {
  python3 - "$@" "$kResults" "$(cat .carry/commit)" "$gpu" <<'END'
import json, os, sys
name, status, seconds, folder, commit, gpu = sys.argv[1:]
path = os.path.join(folder, "summary.json")
summary = json.load(open(path)) if os.path.exists(path) else {"stages": {}}
lines = open(os.path.join(folder, name + ".log"), errors="replace").read().splitlines()
if summary.get("commit", commit) != commit:
    summary = {"stages": {}}  # they are of another commit
summary |= {"commit": commit, "gpu": gpu}
summary["stages"][name] = {"status": int(status), "seconds": int(seconds), "last": lines[-1] if lines else ""}
json.dump(summary, open(path, "w"), indent=1)
END
  mkdir -p "$OUT"
  cp $kResults/summary.json "$OUT/"
  tar -C $kResults -czf "$OUT/gpu.tar.gz.new" . && mv "$OUT/gpu.tar.gz.new" "$OUT/gpu.tar.gz"
}

# Whether there is a device on which the kernels work. With other defects of this machine, stages may still be useful.
look_at_machine() {
  timeout -k 5 90 $kUnpacked/bin/thalweg doctor --device cuda:0 2>&1 | tee $kResults/doctor.log
  # These lines are missing if the device hangs or if the programs have no kernels for it.
  grep -q '^ok *device ' $kResults/doctor.log && grep -q '^ok *kernels ' $kResults/doctor.log
}

# run_stage NAME LIMIT: writes its output to NAME.log. Status 124: it ran out of time; 77: it cannot run here.
run_stage() {
  local start=$SECONDS status=0 left=$((budget - SECONDS))
  if [ $left -lt 5 ]; then echo "== $1: skipped, no time is left"; return 0; fi
  echo "== $1"
  timeout -k 5 $((left < $2 ? left : $2)) bash bench/gpu.sh stage "$1" >"$kResults/$1.log" 2>&1 || status=$?
  tail -n 10 "$kResults/$1.log" | cut -c1-300
  record "$1" $status $((SECONDS - start))
  [ $status = 0 ] || [ $status = 77 ]
}

run() {
  local name wanted failed=0 budget=${BUDGET:-580} entry gpu
  export OUT=${OUT:-$PWD/out/gpu}
  [ -e .carry/commit ] || { echo "no .carry/ here: run bench/gpu.sh pack on a machine with a network"; exit 2; }
  mkdir -p $kResults
  wanted=" ${*:-first} "
  wanted=${wanted// first / $kFirst }
  wanted=${wanted// more / $kMore }
  wanted=$(sed -E 's/:[0-9]+//g; s/$/ /' <<<"$wanted" | tr '\n' ' ')
  for name in $wanted; do
    [[ " $(tr -s '[:space:]' ' ' <<<"$kBuild $kFirst $kMore")" == *" $name:"* ]] || { echo "there is no stage '$name'"; exit 2; }
  done
  if [[ $wanted != *" build "* ]] && [ -e .carry/programs.tar.xz ]; then
    unpack || exit 1
    look_at_machine || exit 1
  fi
  # Queried only once, since it takes seconds if the driver sleeps between programs.
  gpu=$(timeout 20 nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo none)
  unpack_data || { echo "the data could not be made: stages that need them will fail"; rm -rf $kUnpacked/data; }
  for entry in $kBuild $kFirst $kMore; do
    name=${entry%:*}
    if [[ $wanted != *" $name "* ]]; then continue; fi
    run_stage "$name" "${entry#*:}" || failed=1
    if [ "$name" = build ]; then look_at_machine || exit 1; fi
  done
  cat $kResults/summary.json
  exit $failed
}

command=${1:-}
if [ $# -gt 0 ]; then shift; fi
case $command in
  pack | pack-build)
    # shellcheck source=bench/gpu_pack.sh
    source bench/gpu_pack.sh
    "${command/-/_}" "$@"
    ;;
  run) run "$@" ;;
  stage)  # in a separate process, which `timeout` can end
    export PATH=$PWD/$kUnpacked/bin:$PATH:/usr/local/cuda/bin THALWEG_COMMIT OMP_WAIT_POLICY=passive
    THALWEG_COMMIT=$(cat .carry/commit)
    "$1"
    ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

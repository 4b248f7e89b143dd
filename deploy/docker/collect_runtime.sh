#!/usr/bin/env bash
# collect_runtime.sh PROGRAM FOLDER: collects what PROGRAM needs at run time.
#   FOLDER/root          a tree to copy onto /: the program, and LibTorch's and CUDA's shared libraries at the paths
#                        where the program looks for them
#   FOLDER/packages.txt  the system packages that contain its other libraries
set -euo pipefail
program=$1 folder=$2
mkdir -p "$folder/root/usr/local/bin"
cp "$program" "$folder/root/usr/local/bin/thalweg"

# Copies all libraries of the wheels, not only those that ldd lists: cuDNN, cuBLAS and LibTorch load others by name at
# run time. Libraries that only Python, profilers or compilers use are left out.
site=$(dirname "$(dirname "$(dirname "$(ldd "$program" | awk '$1 == "libtorch_cpu.so" {print $3}')")")")
find "$site/torch/lib" "$site/nvidia" \( -type f -o -type l \) -name '*.so*' \
  ! -name 'libtorch_python*' ! -name 'libshm*' ! -name 'libnvperf*' ! -name 'libpcsamplingutil*' ! -name 'libcheckpoint*' \
  ! -name 'libnvvm*' ! -name 'libnvblas*' ! -name 'libcufftw*' ! -name 'libcusolverMg*' ! -name '*.alt.so*' -print0 |
  tar -c --null -T - -P | tar -x -P --transform "s,^/,$folder/root/,"

# dpkg records some libraries under the path that they had before /lib became a link to /usr/lib.
ldd "$program" | awk -v site="$site" '$3 ~ /^\// && index($3, site) != 1 {print $3}' | while read -r library; do
  library=$(realpath "$library")
  { dpkg -S "$library" 2>/dev/null || dpkg -S "${library#/usr}"; } | cut -d: -f1
done | sort -u >"$folder/packages.txt"

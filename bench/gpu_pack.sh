# Sourced by bench/gpu.sh: on a machine with a network, builds and packs for a machine without one.
# shellcheck shell=bash disable=SC2154  # gpu.sh sets kPrograms

readonly kMostBytes=$((64 << 20))  # limit of .carry/ and the tree together
# Libraries that are not packed: every machine has them, or LibTorch's wheel brings them. The compiler's two libraries
# are packed separately, for machines whose own are older.
readonly kTheirs='site-packages|/(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libutil|libgomp)\.so'
readonly kCompilers='/(libstdc\+\+|libgcc_s)\.so'

# Prints the paths of the system libraries that the programs load, one per line.
needed_libraries() {
  local program
  for program in "${kPrograms[@]}"; do ldd "build/release/$program"; done |
    sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u | grep -vE "$kTheirs"
}

# copy_cifar FROM TO: copies what data.train_images = 10000 and data.test_images = 2000 read. The remaining data must
# exist, but is never read: the files have holes there.
copy_cifar() {
  local file from=$1 to=$2/cifar-10-batches-bin record=3073
  [ -e "$from/data_batch_1.bin" ] || from=$from/cifar-10-batches-bin
  mkdir -p "$to"
  cp "$from"/{data_batch_1.bin,batches.meta.txt} "$to" || return 1
  head -c $((2000 * record)) "$from/test_batch.bin" >"$to/test_batch.bin" || return 1
  for file in "$to"/{data_batch_{2,3,4,5},test_batch}.bin; do truncate -s $((10000 * record)) "$file"; done
}

# compress FOLDER FILE XZ-OPTION... The four programs contain the same library, which a dictionary of 64 MiB is large
# enough to exploit. Storing the differences of neighbouring pixels makes compressed images a fifth smaller.
readonly kOfPrograms=(--x86 --lzma2=preset=9) kOfImages=(--delta=dist=1 --lzma2=preset=6)
compress() { tar -C "$1" --sparse -c . | xz "${@:3}" >"$2"; }

finish_pack() {
  # The other machine's checkout may lack the Git history.
  git describe --always --dirty --abbrev=12 >.carry/commit
  ls -l .carry
  local bytes
  bytes=$({ git ls-files -z; find .carry -type f -print0; } | du -cb --files0-from=- | tail -n 1 | cut -f 1)
  echo ".carry/ and the tree have $bytes bytes together; the limit is $kMostBytes"
  if [ "$bytes" -gt $kMostBytes ]; then
    echo "too large: leave out CIFAR-10, or one of the two packs"
    return 1
  fi
}

pack() {
  local folder=build/gpu-pack
  ./bootstrap build -DTHALWEG_BENCH=ON || return 1
  rm -rf $folder .carry/programs.tar.xz .carry/data.tar.xz
  mkdir -p .carry $folder/{programs,lib,lib-compiler}
  (cd build/release && cp "${kPrograms[@]}" "../../$folder/programs") && strip $folder/programs/* || return 1
  needed_libraries | grep -vE "$kCompilers" | xargs cp -L -t $folder/lib || return 1
  needed_libraries | grep -E "$kCompilers" | xargs cp -L -t $folder/lib-compiler || return 1
  compress $folder .carry/programs.tar.xz "${kOfPrograms[@]}" || return 1
  if [ -n "${1:-}" ]; then
    copy_cifar "$1" $folder/data && compress $folder/data .carry/data.tar.xz "${kOfImages[@]}" || return 1
  fi
  finish_pack
}

# Packages with the headers and libraries that the build takes from the system. They are unpacked, not installed, so the
# other machine may have any distribution whose C library is no older than that of the machine that packs.
readonly kPackages=(nlohmann-json3-dev libcxxopts-dev libgmock-dev libgtest-dev libhdf5-dev libaec-dev
  libcurl4-openssl-dev libarchive-dev libssl-dev zlib1g-dev ninja-build)

# Symbolic links in the packages point into the system's folders or to files of other packages, which are not here. This
# makes them point to the libraries beside them.
mend_links() {
  local link library
  find "$1" -name '*.so' -type l | while read -r link; do
    library=$(find "$1" -maxdepth 1 -name "$(basename "$link").*" | head -n 1)
    if [ -n "$library" ]; then ln -sf "$(realpath --relative-to="$(dirname "$link")" "$library")" "$link"; fi
  done
}

pack_build() {
  local folder=$PWD/build/gpu-pack-build lib deb site plotly
  ./bootstrap build -DTHALWEG_BENCH=ON || return 1
  rm -rf "$folder" .carry/build.tar.xz
  lib=$folder/prefix/usr/lib/x86_64-linux-gnu
  mkdir -p .carry "$folder"/{debs,cudnn/include} "$lib"
  (cd "$folder/debs" && apt-get download -q "${kPackages[@]}") || return 1
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/prefix" || return 1; done
  rm -r "$folder/debs"
  needed_libraries | grep -vE "$kCompilers" | xargs cp -L -t "$lib" || return 1
  mend_links "$lib"
  find "$lib" -name '*.a' ! -name 'libg*' -delete
  find "$folder/prefix/usr/bin" ! -type d ! -name ninja -delete  # h5cc would report the system's folders
  plotly=$(find "${THALWEG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/thalweg}" -name plotly.min.js | head -n 1)
  cp "$plotly" "$folder" || return 1
  # The headers of cuDNN's graph API, and cuDNN's own in case the other machine's wheel lacks them (it has the library).
  site=$(readlink -f "$(dirname "$plotly")/../..")
  cp -r "$site"/include/cudnn_* "$site"/nvidia/cudnn/include/. "$folder/cudnn/include" || return 1
  compress "$folder" .carry/build.tar.xz "${kOfPrograms[@]}" && finish_pack
}

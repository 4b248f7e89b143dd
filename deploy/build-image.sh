#!/usr/bin/env bash
# Builds the container image with buildah, on Debian's own image or, where no registry has it for us, on a base that
# debootstrap makes.
#
#   deploy/build-image.sh [TAG] [argument of `buildah build`...]
#   deploy/build-image.sh thalweg --build-arg THALWEG_CUDA_ARCHITECTURES=90-real
#
# BASE names another base image (Debian 12, Ubuntu 22.04 or 24.04), MIRROR debootstrap's mirror. Needs buildah and
# debootstrap (apt), and root, or for the registry's image what `buildah unshare` needs.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

readonly kDebootstrapped=localhost/thalweg-base:bookworm
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}  # needs no container runtime and no more rights than a chroot

# make_base: the image $kDebootstrapped, of Debian's smallest system.
make_base() {
  local root container
  root=$(mktemp -d)
  # shellcheck disable=SC2064  # what it is now
  trap "rm -rf '$root'" EXIT
  debootstrap --variant=minbase bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root" /
  buildah commit --rm --quiet "$container" "$kDebootstrapped"
}

for tool in buildah debootstrap; do
  command -v $tool >/dev/null || { echo "$tool is missing: apt-get install buildah debootstrap" >&2; exit 1; }
done
case ${1:-} in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit ;;
  "" | -*) tag=thalweg ;;
  *) tag=$1; shift ;;
esac
base=${BASE:-docker.io/library/debian:bookworm-slim}
if ! buildah pull --quiet "$base" >/dev/null; then
  if [ -n "${BASE:-}" ]; then echo "$base cannot be had; without BASE one is made by debootstrap" >&2; exit 1; fi
  echo "$base cannot be had: making a base by debootstrap" >&2
  base=$kDebootstrapped
  buildah inspect --type image "$base" >/dev/null 2>&1 || make_base >&2
fi
buildah build --layers --build-arg "BASE=$base" --build-arg "THALWEG_COMMIT=$(git describe --always --dirty)" \
  --tag "$tag" "$@" .
echo "built $tag; the demo in it: mkdir -p out && podman run --rm --userns=keep-id --user \$(id -u) -v \$PWD/out:/out $tag experiment /usr/share/thalweg/experiments/demo.json --out /out/demo" >&2

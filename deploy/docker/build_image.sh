#!/usr/bin/env bash
# Builds the container image with buildah, on Debian's own image or, if that cannot be pulled from a registry, on a base
# image made with debootstrap.
#
#   deploy/docker/build_image.sh [TAG] [argument of `buildah build`...]
#   deploy/docker/build_image.sh thalweg --build-arg THALWEG_CUDA_ARCHITECTURES=90-real
#
# BASE names another base image (Debian 12, Ubuntu 22.04 or 24.04), MIRROR debootstrap's mirror. Needs buildah and, to
# make a base, debootstrap (both from apt); and root or, with an image from a registry, what `buildah unshare` needs.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

readonly kDebootstrapped=localhost/thalweg-base:bookworm
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}  # needs no container runtime and only the rights for a chroot

need() { command -v "$1" >/dev/null || { echo "$1 is missing: apt-get install $1" >&2; exit 1; }; }

# Makes the image $kDebootstrapped, a minimal Debian system.
make_base() {
  local root container
  need debootstrap
  root=$(mktemp -d)
  # shellcheck disable=SC2064  # $root is meant to be expanded now
  trap "rm -rf '$root'" EXIT
  debootstrap --variant=minbase bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root" /
  buildah commit --rm --quiet "$container" "$kDebootstrapped"
}

case ${1:-} in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit ;;
  "" | -*) tag=thalweg ;;
  *) tag=$1; shift ;;
esac
need buildah
base=${BASE:-docker.io/library/debian:bookworm-slim}
if ! buildah pull --quiet "$base" >/dev/null; then
  if [ -n "${BASE:-}" ]; then echo "cannot pull $base; without BASE, debootstrap makes a base image" >&2; exit 1; fi
  echo "cannot pull $base: making a base image with debootstrap" >&2
  base=$kDebootstrapped
  buildah inspect --type image "$base" >/dev/null 2>&1 || make_base >&2
fi
buildah build --layers --build-arg "BASE=$base" --build-arg "THALWEG_COMMIT=$(git describe --always --dirty)" \
  --tag "$tag" "$@" .
echo "built $tag; to run its demo: mkdir -p out && podman run --rm --userns=keep-id --user \$(id -u) -v \$PWD/out:/out $tag experiment /usr/share/thalweg/experiments/demo.json --out /out/demo" >&2

# syntax=docker/dockerfile:1
# An image with the program and the libraries it needs at run time, without build tools. See deploy/docker/README.md.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ENV THALWEG_CACHE=/opt/thalweg PIP_NO_CACHE_DIR=1
WORKDIR /src
# Packages and LibTorch have a layer of their own, so they are not fetched again when the sources change.
COPY bootstrap ./
COPY cmake/requirements.txt cmake/
RUN ./bootstrap setup && rm -rf /var/lib/apt/lists/*
COPY . .
ARG THALWEG_CUDA_ARCHITECTURES="80-real;86-real;89-real;90-real;100-real;120"
ARG THALWEG_COMMIT=unknown
RUN THALWEG_COMMIT=${THALWEG_COMMIT} ./bootstrap build -DTHALWEG_TESTS=OFF && \
    deploy/docker/collect_runtime.sh build/release/thalweg /runtime

FROM ${BASE}
COPY --from=build /runtime/packages.txt /tmp/
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive xargs -a /tmp/packages.txt apt-get install -y --no-install-recommends tini ca-certificates && \
    rm -rf /var/lib/apt/lists/* /tmp/packages.txt && \
    mkdir -p /out /data && chmod 1777 /out /data
COPY --from=build /runtime/root/ /
COPY experiments/*.json /usr/share/thalweg/experiments/
COPY experiments/paper/*.json /usr/share/thalweg/experiments/paper/
COPY experiments/theory/*.json /usr/share/thalweg/experiments/theory/
COPY experiments/accuracy/*.json /usr/share/thalweg/experiments/accuracy/
ARG THALWEG_COMMIT=unknown
LABEL org.opencontainers.image.title="thalweg" \
      org.opencontainers.image.description="Trains networks, keeps the way, and maps the loss around it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${THALWEG_COMMIT}"
# The NVIDIA container runtime reads the first two. Any uid can run the image (--user): it writes to /out, /data, HOME.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/tmp \
    THALWEG_DATA=/data
USER 1000:1000
WORKDIR /out
# Process 1 ignores SIGTERM unless it handles it; tini forwards signals and returns the program's exit code.
ENTRYPOINT ["tini", "--", "thalweg"]
CMD ["--help"]

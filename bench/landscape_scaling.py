#!/usr/bin/env python3
"""How the time of an exact map grows with its points and images.

    bench/landscape_scaling.py [--ours build/release/thalweg] [--models resnet20 vgg11_bn:0.25] [--rounds 1] [--threads 2] > FILE.jsonl
    bench/landscape_scaling.py --fit FILE.jsonl

Maps are in float32, over the test split with images of noise, and use the plane's statistics for batch norm
(recomputing them would add a cost per point that does not depend on the number of images). The sizes are 5x5, 11x11 and
21x21 points with 500 images, and 5x5 points with 500, 1,000, 2,000 and 4,000 images, each in a fresh process, in turns.
Each line is one sample: "seconds" for evaluating points, "whole_seconds" for the command, and "foreign_cores", the
number of cores that other processes kept busy meanwhile.
--fit prints the medians of samples without much other load (foreign_cores below 0.1), and the exponent k of
seconds = c * size^k from a least-squares fit of the logarithms."""
import argparse
import collections
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np

import landscape_peer as peer
import provenance

GRIDS, IMAGES = (5, 11, 21), (500, 1000, 2000, 4000)
SIZES = [("points", grid, IMAGES[0]) for grid in GRIDS] + [("images", GRIDS[0], images) for images in IMAGES]


def busy_seconds():
    """The busy time of all processors, summed over all processes."""
    user, nice, system = map(int, open("/proc/stat").readline().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def sample(args, folder, grid, images):
    command = [args.ours, "landscape", "--plane", os.path.join(folder, "plane.safetensors"), "--out", os.path.join(folder, "surface.h5"),
               "--grid", f"{grid}x{grid}", "--range=-1:1,-1:1", "--splits", "test", "--test-images", str(images), "--bn", "origin",
               "--threads", str(args.threads), "--device", "cpu", "--quiet", "--json", "--set", f"data.path={folder}"]
    start, busy, own = time.perf_counter(), busy_seconds(), os.times()
    about = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["landscape"]
    whole, used = time.perf_counter() - start, os.times()
    foreign = busy_seconds() - busy - (used.children_user + used.children_system - own.children_user - own.children_system)
    return {"seconds": about["evaluation_seconds"], "whole_seconds": whole, "foreign_cores": round(foreign / whole, 3),
            "machine": about["processor"]}


def measure(args, model):
    name, _, width = model.partition(":")
    width = float(width or 1)
    with tempfile.TemporaryDirectory() as folder:
        peer.write_images(os.path.join(folder, "cifar-10-batches-bin"), IMAGES[-1])
        peer.write_plane(os.path.join(folder, "plane.safetensors"), *peer.make(name, width), name, width)
        for _ in range(args.rounds):
            for swept, grid, images in SIZES:
                got = {"what": "landscape_scaling", "model": model, "swept": swept, "points": grid**2, "images": images,
                       "threads": args.threads, "commit": args.commit} | sample(args, folder, grid, images)
                print(json.dumps(got), flush=True)


def fit(file):
    seconds = collections.defaultdict(list)
    for line in map(json.loads, open(file)):
        if line["foreign_cores"] < 0.1:
            seconds[line["model"], line["swept"], line[line["swept"]]].append(line["seconds"])
    for model, swept in sorted({key[:2] for key in seconds}):
        medians = {key[2]: statistics.median(all_) for key, all_ in sorted(seconds.items()) if key[:2] == (model, swept)}
        exponent = np.polyfit(np.log(list(medians)), np.log(list(medians.values())), 1)[0]
        print(f"{model:14} {swept}  " + "  ".join(f"{size}: {s:.2f} s" for size, s in medians.items()) + f"  exponent {exponent:.3f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", default=os.path.join(peer.ROOT, "build/release/thalweg"))
    p.add_argument("--models", nargs="+", default=["resnet20", "vgg11_bn:0.25"], help="NAME or NAME:WIDTH")
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--fit", metavar="FILE")
    args = p.parse_args()
    if args.fit:
        return fit(args.fit)
    args.commit = provenance.commit()
    for model in args.models:
        measure(args, model)


if __name__ == "__main__":
    main()

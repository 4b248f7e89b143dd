#!/usr/bin/env python3
"""Maps from fewer images: compares adaptive and sampled maps of a trained plane with exact values at some points.

    bench/landscape_fewer.py PLANE [--ours build/release/thalweg] [--data FOLDER] [--grid 51] [--coarse 11] [--tolerance 1%]
        [--images 0] [--train-images 50000] [--test-images 10000] [--precision bf16] [--threads 2] [--device cpu] > FILE.jsonl

PLANE is the plane of a run or an experiment (.safetensors). The grid has GRID x GRID points, and the exact map has
COARSE x COARSE of them (GRID - 1 must be a multiple of COARSE - 1); the table scales its time to all points. With
--images 0 there is no sampled map. Each line of the output is one map:
  seconds, image_evaluations   for evaluating points, including all passes and audits of an adaptive map and the
                               statistics of batch norm
  largest_error                largest error of the mean loss by split, relative to its range, at the shared points
  held                         by value, the share of the points with a standard error that are within 1.96 of it
A table goes to stderr."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

import landscape_peer as peer
import provenance

BN_IMAGES = 500  # per point, for batch norm's statistics


def map_plane(args, folder, name, *options):
    file = os.path.join(folder, f"{name}.h5")
    command = [args.ours, "landscape", "--plane", args.plane, "--out", file, "--precision", args.precision, "--train-images", args.train_images,
               "--test-images", args.test_images, "--bn-images", str(BN_IMAGES), "--threads", args.threads, "--device", args.device, "--json", "--quiet", *options]
    if args.data:
        command += ["--set", f"data.path={args.data}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with h5py.File(file) as f:
        values = {k: f[k][:] for k in f if f[k].ndim in (2, 3)}
        about = json.loads(f["thalweg"][()])["provenance"]["landscape"]
        return f["xcoordinates"][:], f["ycoordinates"][:], values, about


def compare(exact, other):
    """Returns largest_error and held, computed at the points of the exact map."""
    columns = [int(np.argmin(abs(other[0] - x))) for x in exact[0]]
    rows = [int(np.argmin(abs(other[1] - y))) for y in exact[1]]
    assert np.allclose(other[0][columns], exact[0]) and np.allclose(other[1][rows], exact[1]), "the grids share no points"
    shared = {k: v[..., rows, :][..., columns] for k, v in other[2].items()}
    largest, held = {}, {}
    for name, truth in exact[2].items():
        error = shared.get(name + "_stderr")
        if error is None:
            continue
        off = abs(shared[name] - truth)
        if name.endswith("_loss") and "class" not in name:
            largest[name.removesuffix("_loss")] = float(off.max() / (truth.max() - truth.min()))
        inexact = error > 0
        if inexact.any():
            held[name] = round(float((off <= 1.96 * error)[inexact].mean()), 3)
    return {"largest_error": largest, "held": held}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("plane")
    p.add_argument("--ours", default=os.path.join(peer.ROOT, "build/release/thalweg"))
    p.add_argument("--data", help="a folder with the data set, for a plane of real images")
    p.add_argument("--grid", type=int, default=51)
    p.add_argument("--coarse", type=int, default=11)
    p.add_argument("--tolerance", default="1%")
    p.add_argument("--images", default="0", help="of a sampled map, for each split")
    p.add_argument("--train-images", default="50000")
    p.add_argument("--test-images", default="10000")
    p.add_argument("--precision", default="bf16")
    p.add_argument("--threads", default="2")
    p.add_argument("--device", default="cpu")
    args = p.parse_args()
    if (args.grid - 1) % (args.coarse - 1):
        p.error(f"{args.grid} x {args.grid} points do not have {args.coarse} x {args.coarse} among them")

    with tempfile.TemporaryDirectory() as folder:
        grid = f"{args.grid}x{args.grid}"
        exact = map_plane(args, folder, "exact", "--grid", f"{args.coarse}x{args.coarse}")
        about = exact[3]
        adaptive = map_plane(args, folder, "adaptive", "--grid", grid, "--tolerance", args.tolerance)
        found = adaptive[3]["adaptive"]
        scale, all_ = args.grid**2 / args.coarse**2, found["image_evaluations_of_an_exact_map"]
        splits = [k.removesuffix("_margin") for k in exact[2] if k.endswith("_margin")]
        statistics = all_ - args.grid**2 * sum(about[f"{split}_images"] for split in splits)
        shared = {name: value for name, value in vars(args).items() if name not in ("plane", "ours", "data")}
        shared |= {"machine": about["processor"], "ran_on": about["device"], "commit": provenance.commit()}

        def report(way, points, seconds, evaluations, more):
            line = {"what": "landscape_fewer", "way": way, "points": points, "seconds": seconds, "image_evaluations": evaluations}
            print(json.dumps(line | more | shared), flush=True)
            scaled = scale if way == "exact" else 1
            gain = about["evaluation_seconds"] * scale / (seconds * scaled), all_ / (evaluations * scaled)
            print(f"{way:9} {seconds * scaled:8.1f} s ({gain[0]:5.1f} x)  {evaluations * scaled:14,.0f} evaluations ({gain[1]:5.1f} x)",
                  file=sys.stderr)

        report("exact", args.coarse**2, about["evaluation_seconds"], all_ / scale, {})
        report("adaptive", args.grid**2, adaptive[3]["evaluation_seconds"], found["image_evaluations"],
               {"adaptive": found} | compare(exact, adaptive))
        if args.images != "0":
            sampled = map_plane(args, folder, "sampled", "--grid", grid, "--images", args.images)
            drawn = sum(float(np.nansum(sampled[2][f"{split}_images"])) for split in splits)
            report("sampled", args.grid**2, sampled[3]["evaluation_seconds"], drawn + statistics, compare(exact, sampled))


if __name__ == "__main__":
    main()

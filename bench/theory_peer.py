#!/usr/bin/env python3
"""Compares thalweg theory with numpy, in run-steps per second on the same machine and model.

    bench/theory_peer.py [--thalweg build/release/thalweg] [--config experiments/theory/phase-diagram.json]
        [--steps 4000] [--seconds 5] > FILE.jsonl

The numpy version is vectorised over runs, in float32 and in place: the runs of a data set are one array (cells, d),
which fits in the L2 cache, and share the sample of a step, so a step is one matrix-vector product, the norms, and the
update. It runs as one process with numpy's own threads, and as one process per core. Indices and noise are drawn
beforehand and not timed, and nothing is measured on the way. Two layouts are tried, (cells, d) and (d, cells), and the
faster one counts. Ours is the wall-clock time of the whole command, with all steps, data, measures, tables and
figures."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import provenance

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def sample(args, layout):
    """Run-steps per second of one process that simulates data sets one after another."""
    import numpy as np
    theory = json.loads(args.theory)
    d, n, steps = theory["dimensions"], theory["samples"], args.steps
    rates, times = np.meshgrid(np.float32(theory["rates"]), np.float32(theory["decay_times"]), indexing="ij")
    rates, times = rates.ravel(), times.ravel() * np.float32(steps / theory["steps"])
    factor, gamma = np.float32(theory["factor"]), theory["gamma"]
    assert gamma == 1, "the peer is written for gamma = 1"
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d), dtype=np.float32)
    target = rng.standard_normal(d, dtype=np.float32)
    target /= np.linalg.norm(target)
    start = rng.standard_normal(d, dtype=np.float32)
    start *= np.float32(theory["init_norm"]) / np.linalg.norm(start)
    labels = x @ target
    samples = rng.integers(0, n, steps)
    noise = np.float32(theory["noise"]["std"]) * rng.standard_normal(steps, dtype=np.float32)
    cells = len(rates)
    done, begin = 0, time.perf_counter()
    np.seterr(all="ignore")  # from cells that diverge
    while time.perf_counter() - begin < args.seconds:
        if layout == "rows":
            w = np.tile(start, (cells, 1))
            change = np.empty_like(w)
            for t in range(steps):
                xi = x[samples[t]]
                p = w @ xi
                q = np.einsum("ij,ij->i", w, w)
                scale = np.sqrt(q)
                take = np.where(t < times, rates, rates * factor) * (scale * p - labels[samples[t]] - noise[t]) * scale
                w *= (1 - take * p / q)[:, None]
                np.multiply(take[:, None], xi, out=change)
                w -= change
        else:
            w = np.tile(start[:, None], (1, cells))
            change = np.empty_like(w)
            for t in range(steps):
                xi = x[samples[t]]
                p = xi @ w
                q = np.einsum("ij,ij->j", w, w)
                scale = np.sqrt(q)
                take = np.where(t < times, rates, rates * factor) * (scale * p - labels[samples[t]] - noise[t]) * scale
                w *= 1 - take * p / q
                np.multiply(xi[:, None], take, out=change)
                w -= change
        done += cells * steps
    return done / (time.perf_counter() - begin)


def numpy_rate(args, theory, layout, processes):
    environment = dict(os.environ)
    if processes > 1:
        environment.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_NUM_THREADS="1")
    command = [sys.executable, os.path.abspath(__file__), "--sample", layout, "--theory", json.dumps(theory), "--steps",
               str(args.steps), "--seconds", str(args.seconds)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(p.communicate()[0]) for p in started)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--thalweg", default=os.path.join(ROOT, "build/release/thalweg"))
    p.add_argument("--config", default=os.path.join(ROOT, "experiments/theory/phase-diagram.json"))
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--sample", help=argparse.SUPPRESS)
    p.add_argument("--theory", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.sample:
        print(sample(args, args.sample))
        return
    common = {"what": "theory", "unit": "run-steps/s", "threads": os.cpu_count(), "command": "bench/theory_peer.py",
              "commit": provenance.commit()}
    ours, peers = [], {}
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as out:
            begin = time.perf_counter()
            subprocess.run([args.thalweg, "theory", args.config, "--out", out, "--quiet"], check=True,
                           stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - begin
            with open(os.path.join(out, "config.json")) as file:
                theory = json.load(file)["theory"]
        runs = len(theory["rates"]) * len(theory["decay_times"]) * theory["seeds"]
        ours.append(runs * theory["steps"] / seconds)
        print(json.dumps({**common, "peer": "thalweg", "rate": ours[-1], "seconds": seconds, "runs": runs,
                          "steps": theory["steps"], "precision": theory["precision"]}), flush=True)
        for layout in ("rows", "columns"):
            for processes in (1, os.cpu_count()):
                rate = numpy_rate(args, theory, layout, processes)
                peers.setdefault(processes, []).append(rate)
                print(json.dumps({**common, "peer": "numpy " + layout, "processes": processes, "rate": rate,
                                  "steps": args.steps, "precision": "float32"}), flush=True)
    median = statistics.median(ours)
    for processes, rates in peers.items():
        print(f"ours {median:.3g} run-steps/s, numpy in {processes} processes at best {max(rates):.3g}: "
              f"x{median / max(rates):.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()

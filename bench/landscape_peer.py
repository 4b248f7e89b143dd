#!/usr/bin/env python3
"""Maps: compares `thalweg landscape` with PyTorch loops over the same plane and images, in turns on the same machine.

    bench/landscape_peer.py [--ours build/release/thalweg] [--models vgg11_bn resnet18 resnet20] [--grid 3] [--low-grid 21]
        [--images 1000] [--rounds 3] [--threads 2] [--device cuda:0] [--loops module folded compiled]
        [--precisions float32 low] > FILE.jsonl
    bench/landscape_peer.py --exact 51x51 --device cuda:0 --models vgg11_bn resnet18 > FILE.jsonl

Both compute loss and accuracy at every point on test images, with batch norm in eval mode with the plane's statistics.
PyTorch's loops:
  module      the plain module, with weights set at each point
  folded      batch norm folded at each point, channels-last; folded_bf16 is the same in bfloat16
  compiled    torch.compile of folded; compiled_bf16 of folded_bf16 (compile time is not counted)
--loops and --precisions select among them; `module` always runs, because all losses are compared with its losses.
--low-grid is the grid for everything but float32, if a grid small enough for float32 is over too soon to be timed. Our
times count from the first point: with two lanes, the first four points of a map in float16 run plainly or are captured,
for which the loops have an untimed warm-up.
On a GPU (--device) the loops are the same, with the images resident there in chunks of 1,000, one read-back per point,
and compilation by max-autotune; float16 replaces bf16.
--exact runs only ours: a whole grid over all 60,000 images (of noise), both splits, with statistics recomputed at each
point, in float16.
Each sample is a fresh process, and the rate is points x images / seconds of evaluation. All losses are compared. The
table on stderr has medians, the lines on stdout have every sample. If LibTorch had to replace our engine or a plan, a
message says so at the end, and the exit status is 1. Models are those of tests/python/reference_models.py."""
import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch.nn import functional as F

import provenance

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "python"))
import reference_models  # noqa: E402
import safetensors_file  # noqa: E402

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
LOOPS = ("module", "folded", "compiled")
PRECISIONS = ("float32", "low")


def flat(tensors):
    return torch.cat([torch.zeros(0), *(t.detach().reshape(-1) for t in tensors)]).float()  # a network may have no buffers


def layout(named):
    entries, offset = [], 0
    for name, tensor in named:
        entries.append({"name": name, "shape": list(tensor.shape), "offset": offset})
        offset += tensor.numel()
    return entries


def statistics_of(model):
    return [(n, b) for n, b in model.named_buffers() if not n.endswith("num_batches_tracked")]


def write_plane(file, model, directions, name, width=1.0):
    """Writes a plane with the model as its origin; directions are lists of tensors in the order of its parameters."""
    about = {"provenance": {"kind": "random", "model": {"name": name, "width": width}, "data": {"name": "cifar10"},
                            "normalisation": {"mean": MEAN, "std": STD}}, "path": []}
    tensors = {"origin": flat(model.parameters()), "d1": flat(directions[0]), "d2": flat(directions[1]),
               "buffers": flat(b for _, b in statistics_of(model))}
    safetensors_file.write(file, {k: v.numpy() for k, v in tensors.items()},
                           {"layout": json.dumps(layout(model.named_parameters())),
                            "buffer_layout": json.dumps(layout(statistics_of(model))), "plane": json.dumps(about)})


def write_images(folder, count, train=False):
    """Writes a CIFAR-10 folder of noise; files that are not read are sparse."""
    os.makedirs(folder)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (count, 3, 32, 32), np.uint8), rng.integers(0, 10, count, np.uint8)
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        with open(os.path.join(folder, name), "wb") as file:
            if train or name.startswith("test"):
                for image, label in zip(images, labels):
                    file.write(bytes([label]) + image.tobytes())
            file.truncate(10000 * 3073)
    return images, labels


def make(name, width=1.0):
    """Makes a model with nontrivial statistics, and two filter-normalised directions."""
    torch.manual_seed(1)
    model = reference_models.make(name=name, width=width).train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(64, 3, 32, 32))
    directions = []
    for _ in range(2):
        direction = [torch.randn_like(p) if p.dim() > 1 else torch.zeros_like(p) for p in model.parameters()]
        for d, p in zip(direction, model.parameters()):
            if p.dim() > 1:
                shape = (-1,) + (1,) * (p.dim() - 1)
                d.mul_((p.detach().flatten(1).norm(dim=1) / d.flatten(1).norm(dim=1).add(1e-10)).view(shape))
        directions.append(direction)
    return model.eval().requires_grad_(False), directions


def device_of(model):
    return next(model.parameters()).device


class Folded:
    """The traced module with its batch norms folded into the convolutions before them."""

    def __init__(self, model, dtype):
        self.model, self.traced = model, torch.fx.symbolic_trace(model)
        self.pairs, modules = [], dict(self.traced.named_modules())
        for node in list(self.traced.graph.nodes):
            if node.op == "call_module" and isinstance(modules[node.target], torch.nn.BatchNorm2d):
                conv = node.args[0].target
                fused = torch.nn.Conv2d(modules[conv].in_channels, modules[conv].out_channels, modules[conv].kernel_size,
                                        modules[conv].stride, modules[conv].padding).to(device_of(model), dtype, memory_format=torch.channels_last)
                self.pairs.append((modules[conv], modules[node.target], fused))
                parent, _, leaf = conv.rpartition(".")
                setattr(modules[parent], leaf, fused)
                node.replace_all_uses_with(node.args[0])
                self.traced.graph.erase_node(node)
        self.linears = [(m, torch.nn.Linear(m.in_features, m.out_features).to(device_of(model), dtype)) for m in self.traced.modules()
                        if isinstance(m, torch.nn.Linear)]
        for name, module in list(self.traced.named_modules()):
            for linear, copy in self.linears:
                if module is linear:
                    parent, _, leaf = name.rpartition(".")
                    setattr(modules[parent], leaf, copy)
        self.traced.recompile()
        self.traced.eval().requires_grad_(False)

    def fold(self):
        for conv, norm, fused in self.pairs:
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            fused.weight.copy_(conv.weight * scale.view(-1, 1, 1, 1))
            fused.bias.copy_(norm.bias + ((0 if conv.bias is None else conv.bias) - norm.running_mean) * scale)
        for linear, copy in self.linears:
            copy.weight.copy_(linear.weight)
            copy.bias.copy_(linear.bias)


def pytorch_sample(args):
    torch.set_num_threads(args.threads)
    model, directions = make(args.model)
    records = np.fromfile(os.path.join(args.data, "test_batch.bin"), np.uint8)[:args.images * 3073].reshape(-1, 3073)
    x = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
    x = (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    y = torch.from_numpy(records[:, 0].astype(np.int64))
    dtype = {"bf16": torch.bfloat16, "float16": torch.float16}.get(args.loop.split("_")[-1], torch.float32)
    on_gpu, chunk = args.device.startswith("cuda"), 1000 if args.device.startswith("cuda") else 250
    model, directions = model.to(args.device), [[d.to(args.device) for d in direction] for direction in directions]
    x, y = x.to(args.device), y.to(args.device)
    origin = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        folded = None if args.loop == "module" else Folded(model, dtype)
        compiled = functools.partial(torch.compile, mode="max-autotune" if on_gpu else "default")
        network = model if folded is None else compiled(folded.traced) if args.loop.startswith("compiled") else folded.traced
        if folded is not None:
            x = x.to(dtype).contiguous(memory_format=torch.channels_last)
            folded.fold()
        for _ in range(3):
            network(x[:chunk])  # warms up and compiles
        if len(x) % chunk:
            network(x[-(len(x) % chunk):])
        losses, start = [], time.perf_counter()
        for b in np.linspace(-1, 1, args.grid):
            for a in np.linspace(-1, 1, args.grid):
                for p, w, d1, d2 in zip(model.parameters(), origin, *directions):
                    p.copy_(w + float(a) * d1 + float(b) * d2)
                if folded is not None:
                    folded.fold()
                loss = right = 0
                for i in range(0, len(x), chunk):
                    logits = network(x[i:i + chunk]).float()
                    loss = loss + F.cross_entropy(logits, y[i:i + chunk], reduction="sum").double()
                    right = right + (logits.argmax(1) == y[i:i + chunk]).sum()
                losses.append(loss.item() / len(x))
                right.item()
        seconds = time.perf_counter() - start
    about = {"what": "landscape", "peer": f"torch {torch.__version__} {args.loop}", "seconds": seconds, "losses": losses}
    if on_gpu and args.loop.startswith("compiled"):
        about["conv_backends"] = torch._inductor.config.max_autotune_conv_backends
    return about


def our_sample(args, folder, precision, wanted):
    out = os.path.join(folder, "surface.h5")
    command = [args.ours, "landscape", "--plane", os.path.join(folder, "plane.safetensors"), "--out", out, "--range=-1:1,-1:1", *wanted,
               "--precision", precision, "--max-deviation", "1", "--threads", str(args.threads), "--device", args.device, "--quiet",
               "--json", "--set", f"data.path={folder}"]
    start = time.perf_counter()
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    rows = np.genfromtxt(out[:-3] + ".csv", delimiter=",", names=True)
    about = result["landscape"]
    engine = about.get("engine") or {}
    args.slow_ways |= {engine[why] for why in ("reason", "without_plan") if why in engine}
    return {"what": "landscape", "peer": "thalweg " + precision, "seconds": about["evaluation_seconds"],
            "whole_seconds": time.perf_counter() - start, "audit": about.get("audit"), "engine": about.get("engine"), "losses": list(rows["test_loss"])}


def exact(args, name):
    with tempfile.TemporaryDirectory() as folder:
        write_images(os.path.join(folder, "cifar-10-batches-bin"), 10000, train=True)
        model, directions = make(name)
        write_plane(os.path.join(folder, "plane.safetensors"), model, directions, name)
        got = our_sample(args, folder, "float16", ["--grid", args.exact])
        columns, rows = map(int, args.exact.split("x"))
        del got["losses"]
        got |= {"what": "landscape_exact", "model": name, "grid": args.exact, "images": 60000, "commit": args.commit,
                "rate": columns * rows * 60000 / got["seconds"], "unit": "points x images/s"}
        print(json.dumps(got), flush=True)


def shared_points(sample, grid):
    """The losses of a finer grid at the points of a `grid` x `grid` one."""
    step = (sample["grid"] - 1) // max(grid - 1, 1) or 1
    return np.array(sample["losses"]).reshape(sample["grid"], -1)[::step, ::step].ravel()


def compare(args, name):
    low = "float16" if args.device.startswith("cuda") else "bf16"
    loops = ["ours float32", *args.loops] if "float32" in args.precisions else ["module"]
    if "low" in args.precisions:
        loops += [f"ours {low}", *(f"{loop}_{low}" for loop in args.loops if loop != "module")]
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "cifar-10-batches-bin")
        write_images(data, args.images)
        model, directions = make(name)
        write_plane(os.path.join(folder, "plane.safetensors"), model, directions, name)
        samples = {}
        for _ in range(args.rounds):
            for loop in loops:
                grid = args.low_grid if loop.endswith(low) else args.grid
                if loop.startswith("ours"):
                    got = our_sample(args, folder, loop.split()[1], ["--grid", f"{grid}x{grid}", "--splits", "test", "--test-images",
                                                                     str(args.images), "--bn", "origin"])
                else:
                    command = [sys.executable, os.path.abspath(__file__), "--sample", loop, "--model", name, "--data", data, "--grid",
                               str(grid), "--images", str(args.images), "--threads", str(args.threads), "--device", args.device]
                    got = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
                got |= {"model": name, "grid": grid, "images": args.images, "threads": args.threads, "commit": args.commit,
                        "rate": grid**2 * args.images / got["seconds"], "unit": "points x images/s"}
                samples.setdefault(loop, []).append(got)
                print(json.dumps(got), flush=True)
    reference = np.array(samples["module"][0]["losses"])
    rates = {loop: statistics.median(s["rate"] for s in all_) for loop, all_ in samples.items()}
    for loop, all_ in samples.items():
        ours = rates.get(f"ours {low}" if loop.endswith(low) else "ours float32")
        ratio = f"ours x{ours / rates[loop]:.2f}" if ours else "ours not asked"
        off = np.max(np.abs(shared_points(all_[0], args.grid) - reference) / reference)
        print(f"{name:9} {loop:14} {rates[loop]:8.1f} points x images/s   {ratio}   largest relative deviation "
              f"from the module {off:.1e}", file=sys.stderr, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", default=os.path.join(ROOT, "build/release/thalweg"))
    p.add_argument("--models", nargs="+", default=["vgg11_bn", "resnet18", "resnet20"])
    p.add_argument("--grid", type=int, default=3)
    p.add_argument("--low-grid", type=int, metavar="GRID")
    p.add_argument("--images", type=int, default=1000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", default="cpu")
    p.add_argument("--loops", nargs="+", choices=LOOPS, default=LOOPS)
    p.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    p.add_argument("--exact", metavar="WxH")
    p.add_argument("--sample", dest="loop", help=argparse.SUPPRESS)
    p.add_argument("--model", help=argparse.SUPPRESS)
    p.add_argument("--data", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.loop:
        print(json.dumps(pytorch_sample(args)))
        return
    args.low_grid = args.low_grid or args.grid
    if args.low_grid != args.grid and (args.grid < 2 or (args.low_grid - 1) % (args.grid - 1)):
        p.error(f"--low-grid {args.low_grid} must have the points of --grid {args.grid}: one more than a multiple of {args.grid - 1}")
    args.commit, args.slow_ways = provenance.commit(), set()
    args.loops = [loop for loop in LOOPS if loop == "module" or loop in args.loops]
    for name in args.models:
        exact(args, name) if args.exact else compare(args, name)
    if args.slow_ways:
        sys.exit("LibTorch took the place of what is measured: " + "; ".join(sorted(args.slow_ways)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Training steps: compares bench_train with PyTorch, in turns on the same machine.

    bench/train_peer.py [--ours build/bench/bench/bench_train] [--models vgg11_bn resnet18 resnet20]
        [--precisions float32 bf16] [--batch 128] [--rounds 3] [--seconds 8] [--device cpu] [--compile [MODE ...]]
        [--plans FOLDER] > FILE.jsonl

PyTorch's step is a typical user's: channels-last, autocast for bf16, SGD with Nesterov momentum and weight decay, on
ready tensors (without augmentation and loading; ours does both). On a GPU --compile adds torch.compile, in the mode
"max-autotune" unless others are named; compilation, which takes minutes, is not counted. --plans keeps the convolution
plans that ours chose for later samples, as `bench_train --plans` does. Each sample is a fresh process; the table on
stderr has medians and the ratio, the lines on stdout have every sample. Models are those of
tests/python/reference_models.py, which the tests compare with the engine's."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def pytorch_sample(args):
    sys.path.insert(0, os.path.join(ROOT, "tests", "python"))
    import torch
    import reference_models
    device, cuda = torch.device(args.device), args.device != "cpu"
    torch.manual_seed(0)
    model = reference_models.make(name=args.model).train().to(device, memory_format=torch.channels_last)
    forward = torch.compile(model, mode=args.compile[0]) if args.compile else model
    sgd = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=cuda)
    x = torch.randn(args.batch, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (args.batch,), device=device)

    def step():
        with torch.autocast(device.type, torch.bfloat16, enabled=args.precision == "bf16"):
            loss = torch.nn.functional.cross_entropy(forward(x), y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss

    for _ in range(3 if not args.compile else 20):
        step().item()
    window, times, start = 50 if cuda else 1, [], time.perf_counter()
    while time.perf_counter() - start < args.seconds or len(times) < 3:
        begin = time.perf_counter()
        for _ in range(window):
            loss = step()
        loss.item()
        times.append((time.perf_counter() - begin) / window)
    peak = torch.cuda.max_memory_reserved() / 1e6 if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    how = f"compiled by {args.compile[0]}" if args.compile else "eager"
    if args.compile and args.compile[0].startswith("max-autotune"):
        how += " with convolutions of " + torch._inductor.config.max_autotune_conv_backends
    return {"what": "train", "peer": f"torch {torch.__version__} {how}",
            "model": args.model, "precision": args.precision, "batch": args.batch,
            "rate": args.batch / statistics.median(times), "best": args.batch / min(times), "unit": "images/s",
            "peak_mb": peak, "device": args.device, "threads": torch.get_num_threads()}


def sample(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def compare(args, model, precision):
    common = ["--model", model, "--precision", precision, "--batch", str(args.batch), "--device", args.device,
              "--seconds", str(args.seconds)]
    ours = [args.ours, model, precision, str(args.batch), args.device, str(args.seconds)]
    if args.plans:
        ours += ["--plans", os.path.join(args.plans, f"plans-{model}-{args.batch}.json")]
    commands = {"ours": ours,
                "torch": [sys.executable, os.path.abspath(__file__), "--sample", *common]}
    for mode in args.compile or []:
        commands[mode] = [*commands["torch"], "--compile", mode]
    samples = {name: [] for name in commands}
    for _ in range(args.rounds):
        for name, command in commands.items():
            samples[name].append(sample(command))
            print(json.dumps(samples[name][-1]), flush=True)
    rates = {name: statistics.median(s["rate"] for s in all_) for name, all_ in samples.items()}
    peaks = {name: statistics.median(s["peak_mb"] for s in all_) for name, all_ in samples.items()}
    text = "  ".join(f"{name} {rates[name]:9.1f} images/s {peaks[name]:6.0f} MB" for name in commands)
    ratios = "  ".join(f"x{rates['ours'] / rates[name]:.2f} of {name}" for name in commands if name != "ours")
    print(f"{model:9} {precision:8} {text}  {ratios}", file=sys.stderr, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", default=os.path.join(ROOT, "build/bench/bench/bench_train"))
    p.add_argument("--models", nargs="+", default=["vgg11_bn", "resnet18", "resnet20"])
    p.add_argument("--precisions", nargs="+", default=["float32", "bf16"])
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=8)
    p.add_argument("--device", default="cpu")
    p.add_argument("--compile", nargs="*", metavar="MODE")
    p.add_argument("--plans", metavar="FOLDER", help="where ours keep a GPU's convolution plans from sample to sample")
    p.add_argument("--sample", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--model", help=argparse.SUPPRESS)
    p.add_argument("--precision", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.compile == []:
        args.compile = ["max-autotune"]
    if args.sample:
        print(json.dumps(pytorch_sample(args)))
        return
    for model in args.models:
        for precision in args.precisions:
            compare(args, model, precision)


if __name__ == "__main__":
    main()

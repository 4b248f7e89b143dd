"""Runs the engine's executors on tensors made in Python (tests/tools/probe.cpp)."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import reference_models
import safetensors_file

PROBE = os.environ["THALWEG_PROBE"]
MEAN, STD = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]


def random_images(count, seed=0):
    """uint8 images and int64 labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8), rng.integers(0, 10, count, dtype=np.int64)


def run_probe(mode, spec, model, images, labels):
    """`mode` is forward or train; returns what the probe writes, by name."""
    tensors = {"w." + name: t.numpy() for name, t in reference_models.tensors_of(model).items()}
    return _run(mode, {"mean": MEAN, "std": STD, **spec}, {**tensors, "images": images, "labels": labels})


def run_schedule(schedule, steps_per_epoch, epochs, steps):
    """`lr` of each step, and the steps at which it `changes`."""
    return _run("schedule", {"schedule": schedule, "steps_per_epoch": steps_per_epoch, "epochs": epochs, "steps": steps}, {})


def _run(mode, spec, tensors):
    with tempfile.TemporaryDirectory() as folder:
        spec_file, in_file, out_file = (str(Path(folder, name)) for name in ("spec.json", "in", "out"))
        Path(spec_file).write_text(json.dumps(spec))
        safetensors_file.write(in_file, tensors)
        result = subprocess.run([PROBE, mode, spec_file, in_file, out_file], capture_output=True, text=True, timeout=600)
        if result.returncode != 0:
            raise AssertionError(f"the probe failed: {result.stderr}")
        return safetensors_file.read(out_file)[0]

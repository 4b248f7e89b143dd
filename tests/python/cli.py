"""Runs the program `thalweg` as a user would, and reads its output files."""
import copy
import json
import os
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import h5py
import numpy as np

import safetensors_file

PROGRAM = os.environ["THALWEG"]
# CIFAR-10's own statistics, which the data set applies to every network.
CIFAR_MEAN, CIFAR_STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
CIFAR_FILE_RECORDS, RECORD_BYTES = 10_000, 3073
WAIT_SECONDS = 600  # for what takes seconds: machines differ, and tests run in parallel

MLP = {"name": "mlp", "hidden": [16]}
VGG = {"name": "vgg11_bn", "width": 0.0625}
SYNTHETIC = {"name": "synthetic", "train_images": 300, "test_images": 100}
RUNS = {"main": "main", "decay-at-1": "branches/decay-at-1", "late": "branches/late"}  # of experiment_config
LONG_RUNS = ("main", "branches/half", "branches/late")  # of long_experiment_config


def experiment_config(model, data=SYNTHETIC, **others):
    """A configuration with five steps per epoch and two branches that fork at steps 5 and 7."""
    return copy.deepcopy({
        "name": "small", "seed": 5, "device": "cpu", "data": data, "model": model,
        "train": {"epochs": 2, "batch": 64, "schedule": {"kind": "constant", "lr": 0.02}, "log_every": 2,
                  "optimizer": {"momentum": 0.9, "weight_decay": 0.0005}, "augment": {"crop": 2, "flip": True},
                  "snapshots": {"every_steps": 2}},
        "branches": [{"at_epoch": 1, "until_epoch": 2, "schedule": {"kind": "constant", "lr": 0.002}},
                     {"name": "late", "at_epoch": 1.4, "epochs": 1, "schedule": {"kind": "constant", "lr": 0.005}}],
        "landscape": {"grid": "5x4", "bn_images": 50, "train_images": 130, "test_images": 60}, **others})


def long_experiment_config(**others):
    """Long enough to be interrupted by a signal: 40 steps in main, 20 in each branch, all of them in metrics.jsonl."""
    config = experiment_config(VGG, **others)
    config["train"] |= {"epochs": 8, "log_every": 1, "checkpoint_every": 1.5}
    config["branches"] = [{"at_epoch": 4, "until_epoch": 8, "name": "half", "schedule": {"kind": "constant", "lr": 0.002}},
                          {"at_epoch": 6.2, "epochs": 4, "name": "late", "schedule": {"kind": "constant", "lr": 0.002}}]
    return config


def run(*args, **options):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=WAIT_SECONDS, **options)


def run_ok(*args, **options):
    """Returns the command's stdout; the command must succeed."""
    result = run(*args, **options)
    if result.returncode != 0:
        raise AssertionError(f"thalweg {' '.join(map(str, args))}: exit {result.returncode}: {result.stderr}")
    return result.stdout


def start(*args):
    """Starts the command, with the default action for SIGHUP even under nohup."""
    return subprocess.Popen([PROGRAM, *map(str, args)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))


def handles(process, number):
    """Whether the process has already installed a handler for the signal."""
    caught = next(line for line in bytes_of(f"/proc/{process.pid}/status").decode().splitlines() if line.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (number - 1) & 1 == 1


def wait_for(process, condition):
    """Waits until the condition holds or the process has ended; kills the process if that fails or takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while process.poll() is None and not condition():
            if time.monotonic() > deadline:
                raise AssertionError("the condition never came true")
            time.sleep(0.001)
    except BaseException:
        process.kill()
        process.communicate()
        raise


def signal_when(process, condition, number, times=1):
    """Sends the signal as soon as the condition holds; returns the exit code (negative: the signal killed it)."""
    wait_for(process, condition)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.001)
    process.stderr_text = process.communicate(timeout=WAIT_SECONDS)[1]
    return process.returncode


def write_cifar10(root, count, seed=0):
    """A CIFAR-10 folder of the official sizes with `count` images in the first training file and in the test file; the
    rest is zero and takes no space on disk. Returns {"train": (images, labels), "test": ...}."""
    folder = Path(root, "cifar-10-batches-bin")
    folder.mkdir()
    splits = {}
    for number, name in enumerate([f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]):
        with open(folder / name, "wb") as file:
            if number in (0, 5):
                rng = np.random.default_rng([seed, number])
                labels = rng.integers(0, 10, count, dtype=np.uint8)
                images = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
                images[:, 0] = images[:, 0] // 4 + 15 * labels[:, None, None]  # something to learn
                file.write(np.concatenate([labels[:, None], images.reshape(count, -1)], axis=1).tobytes())
                splits["test" if number else "train"] = (images, labels.astype(np.int64))
            file.truncate(CIFAR_FILE_RECORDS * RECORD_BYTES)
    return splits


def read_json(path):
    return json.loads(Path(path).read_text())


def bytes_of(file):
    """The file's contents, empty if it does not exist. A running program may remove it at any moment."""
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        return b""


def lines_in(file):
    return bytes_of(file).count(b"\n")


def read_metrics(run_folder):
    return [json.loads(line) for line in Path(run_folder, "metrics.jsonl").read_text().splitlines()]


def read_records(path):
    """The payloads of a journal, header first, up to its end or the first incomplete record."""
    log = bytes_of(path)
    assert log[:8] in (b"TWLOG1\n\0", b""), log[:8]
    records, offset = [], 8
    while offset + 8 <= len(log):
        size, crc = struct.unpack_from("<II", log, offset)
        payload = log[offset + 8:offset + 8 + size]
        if len(payload) < size or zlib.crc32(payload) != crc:
            break
        records.append(payload)
        offset += 8 + size
    return records


def read_trajectory(run_folder):
    """Returns the index records, the weights [T, P] and the buffers [T, B]."""
    header, *index = map(json.loads, read_records(Path(run_folder, "trajectory", "index.log")))
    rows = np.fromfile(Path(run_folder, "trajectory", "weights.f32"), "<f4").reshape(len(index), -1)
    for record, row in zip(index, rows):
        assert record["crc32"] == zlib.crc32(row.tobytes()), record
    return index, rows[:, :header["num_params"]], rows[:, header["num_params"]:]


def read_surface(path):
    """Returns name -> array for the numeric datasets, and the parsed provenance."""
    with h5py.File(path, "r") as file:
        arrays = {name: item[()] for name, item in file.items() if item.dtype.kind == "f"}
        return arrays, json.loads(file["thalweg"].asstr()[()])


def read_plane(path):
    """Returns the tensors, and the metadata with its JSON parsed."""
    tensors, metadata = safetensors_file.read(path)
    return tensors, {key: json.loads(text) for key, text in metadata.items()}


def class_folder(cls):
    """A temporary folder for all tests of a class, for its setUpClass."""
    scratch = tempfile.TemporaryDirectory()
    cls.addClassCleanup(scratch.cleanup)
    return Path(scratch.name)


class CliTest(unittest.TestCase):
    """Gives each test a folder of its own, and checks the messages of failing commands."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def check_fails(self, code, args, *words):
        """Expects exit code `code`, an empty stdout, and one line on stderr that contains each of `words`."""
        result = run(*args)
        shown = f"thalweg {' '.join(map(str, args))}\nexit {result.returncode}\n{result.stdout}{result.stderr}"
        self.assertEqual(result.returncode, code, shown)
        self.assertEqual(result.stdout, "", shown)
        self.assertTrue(result.stderr.startswith("thalweg: ") and result.stderr.endswith("\n"), shown)
        self.assertEqual(result.stderr.count("\n"), 1, shown)
        for word in words:
            self.assertIn(word, result.stderr, shown)
        for internal in ("json.exception", "Exception raised", "terminate called", ".cpp"):
            self.assertNotIn(internal, result.stderr, shown)

"""Effects of the keys of `train` and of the data sets in the program; test_training.py compares with PyTorch."""
import gzip
import itertools
import json
import struct
import unittest

import numpy as np

import cli
import safetensors_file


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_fashion_mnist(folder):
    """Writes compressed files with as many images as the real ones, mostly zero, and the same first labels."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    first = np.array([9, 0, 0, 3, 0, 2, 7, 2, 5, 5], np.uint8)
    for prefix, count in (("train", 60000), ("t10k", 10000)):
        labels = np.resize(first, count)
        images = np.zeros((count, 28, 28), np.uint8)
        images[:300] = rng.integers(0, 64, (300, 28, 28), dtype=np.uint8) + 19 * labels[:300, None, None]
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            (folder / f"{prefix}-{name}-ubyte.gz").write_bytes(gzip.compress(idx(array), 1))


class Features(cli.CliTest):
    """Each key of `train` has its documented effect, from the command line."""

    def train(self, name, **keys):
        config = cli.experiment_config(cli.VGG, {"name": "synthetic", "train_images": 96, "test_images": 20})
        config["train"] = {"epochs": 2, "batch": 32, "schedule": {"kind": "constant", "lr": 0.02}} | keys
        del config["branches"]
        cli.run_ok("train", self.write(f"{name}.json", config), "--out", self.folder / name, "--quiet")
        return self.weights(name)

    def weights(self, name):
        tensors, _ = safetensors_file.read(self.folder / name / "weights.safetensors")
        return np.concatenate([tensors[key].astype(np.float64).ravel() for key in sorted(tensors)])

    def test_each_key_changes_the_weights(self):
        plain = self.train("plain")
        np.testing.assert_array_equal(self.train("again"), plain)
        keys = {"adamw": {"optimizer": {"kind": "adamw"}}, "nesterov": {"optimizer": {"nesterov": True}},
                "sam": {"optimizer": {"sam_rho": 0.05}}, "clip": {"optimizer": {"clip_norm": 0.1}},
                "exempt": {"optimizer": {"weight_decay": 0.1, "decay_norm_and_bias": False}},
                "decayed": {"optimizer": {"weight_decay": 0.1}}, "slices": {"accumulate": 2}, "mixup": {"mixup": 0.4},
                "smooth": {"label_smoothing": 0.1}, "bf16": {"precision": "bf16"}, "crop": {"augment": {"crop": 4}},
                "flip": {"augment": {"flip": True}}, "cutout": {"augment": {"cutout": 8}}}
        results = {name: self.train(name, **value) for name, value in keys.items()} | {"plain": plain}
        for (a, first), (b, second) in itertools.combinations(results.items(), 2):
            self.assertGreater(np.abs(first - second).max(), 1e-4, (a, b))
        averaged = self.train("ema", average={"kind": "ema", "decay": 0.5})
        np.testing.assert_array_equal(averaged, plain)
        self.assertGreater(np.abs(self.weights("ema/average") - plain).max(), 1e-4)

    def test_each_schedule_gives_its_rates(self):
        schedules = {"late_decay": {"lr": 0.02, "decay_at": 1}, "step": {"lr": 0.02, "every": 1}, "multi_step": {"lr": 0.02, "milestones": [1]},
                     "linear": {"lr": 0.02}, "cosine": {"lr": 0.02}, "polynomial": {"lr": 0.02, "power": 2}, "wsd": {"lr": 0.02, "decay_at": 1},
                     "one_cycle": {"lr": 0.02}, "inverse_sqrt": {"lr": 0.02, "timescale": 0.5},
                     "cyclic": {"lr": 0.02, "base_lr": 0.002, "up_epochs": 1}, "table": {"points": [[0, 0.01], [2, 0.02]]}}
        # Rates of the sixth step, with three steps per epoch; inverse_sqrt's half an epoch is rounded to two steps.
        last = {"late_decay": 0.002, "step": 0.002, "multi_step": 0.002, "linear": 0.02 / 6, "cosine": 0.01 * (1 + np.cos(5 / 6 * np.pi)),
                "polynomial": 0.02 / 36, "wsd": 0.02 / 3, "one_cycle": 0.02 / 25 / 1e4, "inverse_sqrt": 0.02 * np.sqrt(2 / (5 + 2)),
                "cyclic": 0.002 + 0.018 / 3, "table": 0.01 + 0.01 * 5 / 6}
        weights = []
        for kind, keys in schedules.items():
            weights.append(self.train(kind, schedule={"kind": kind} | keys, log_every=1))
            rates = [line["lr"] for line in cli.read_metrics(self.folder / kind) if line["kind"] == "step"]
            self.assertEqual(len(rates), 6)
            self.assertAlmostEqual(rates[-1], last[kind], 12, kind)
        distinct = {w.tobytes() for w in weights}
        self.assertEqual(len(distinct), len(weights) - 2, "late_decay, step and multi_step drop at the same step")

    def test_trains_on_idx_files(self):
        write_fashion_mnist(self.folder / "fashion-mnist")
        config = cli.experiment_config(cli.MLP, {"name": "fashion_mnist", "path": str(self.folder), "train_images": 300, "test_images": 100})
        config["train"] |= {"epochs": 12, "augment": {}}
        del config["branches"]
        result = json.loads(cli.run_ok("train", self.write("idx.json", config), "--out", self.folder / "idx", "--json", "--quiet"))
        self.assertGreater(result["train_accuracy"], 0.5)

    def test_weights_from_elsewhere_have_the_images_of_the_configuration(self):
        write_fashion_mnist(self.folder / "fashion-mnist")
        config = cli.experiment_config(cli.MLP, {"name": "fashion_mnist", "path": str(self.folder), "train_images": 300, "test_images": 100})
        config = self.write("idx.json", config)
        weights, plane = self.folder / "w.safetensors", self.folder / "p.safetensors"
        shapes = {"fc1.weight": (16, 28 * 28), "fc1.bias": 16, "fc2.weight": (10, 16), "fc2.bias": 10}
        safetensors_file.write(weights, {name: np.ones(shape, np.float32) for name, shape in shapes.items()})
        cli.run_ok("plane", weights, "--config", config, "--kind", "random", "--out", plane)
        self.assertEqual(cli.read_plane(plane)[1]["plane"]["provenance"]["image"], [1, 28, 28])


if __name__ == "__main__":
    unittest.main()

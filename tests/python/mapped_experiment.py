"""A small experiment on a CIFAR-10 folder of made-up images, trained and mapped, and PyTorch's networks at points of
its plane."""
import json
import unittest

import numpy as np
import torch

import cli
import reference_models

RECORDS, TRAIN, TEST = 320, 300, 90
GRID_TRAIN, GRID_TEST, BN_IMAGES = 130, 60, 50  # of experiment_config
# Relative to the loss, for float32 through eleven or twenty layers; the reference computes in float64.
LOSS_TOLERANCE = 1e-5


class MappedExperiment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = cli.class_folder(cls)
        cls.images = {}
        for split, (images, labels) in cli.write_cifar10(cls.scratch, RECORDS).items():
            x = reference_models.normalise(images, cli.CIFAR_MEAN, cli.CIFAR_STD)
            cls.images[split] = x, torch.from_numpy(labels)
        data = {"name": "cifar10", "path": str(cls.scratch), "train_images": TRAIN, "test_images": TEST}
        cls.config = cls.scratch / "config.json"
        cls.config.write_text(json.dumps(cli.experiment_config(cli.VGG, data)))
        cls.out = cls.scratch / "out"
        cli.run_ok("experiment", cls.config, "--out", cls.out, "--quiet")
        cls.plane_file = cls.out / "planes" / "pca.safetensors"
        cls.plane, cls.about = cli.read_plane(cls.plane_file)

    def model_at(self, x, y):
        return self.network_at(x, y, cli.VGG, self.plane, self.about)

    def network_at(self, x, y, network, plane, about):
        """The network at a point of the plane, with the plane's running statistics."""
        model = reference_models.make(**network).double().eval()
        weights = plane["origin"] + np.float64(x) * plane["d1"] + np.float64(y) * plane["d2"]
        state = model.state_dict()
        for layout, vector in ((about["layout"], weights), (about["buffer_layout"], plane["buffers"])):
            for entry in layout:
                values = vector[entry["offset"]:entry["offset"] + int(np.prod(entry["shape"]))]
                state[entry["name"]] = torch.from_numpy(values).view(entry["shape"])
        model.load_state_dict(state)
        return model

    def evaluate(self, network, split, count):
        """Returns the mean loss and the accuracy in percent."""
        images, labels = (part[:count] for part in self.images[split])
        with torch.no_grad():
            logits = network(images)
        return torch.nn.functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item() * 100

    def check_surface(self, file, network_at, counts):
        surface, _ = cli.read_surface(file)
        for j, y in enumerate(surface["ycoordinates"]):
            for i, x in enumerate(surface["xcoordinates"]):
                network = network_at(x, y)
                for split, count in counts.items():
                    loss, accuracy = self.evaluate(network, split, count)
                    where = f"{split} at column {i}, row {j}"
                    self.assertLess(abs(surface[split + "_loss"][j, i] - loss), LOSS_TOLERANCE * loss, where)
                    self.assertAlmostEqual(surface[split + "_acc"][j, i], accuracy, delta=1e-9, msg=where)
        return surface

    def landscape(self, name, *flags, plane=None):
        file = self.scratch / name
        cli.run_ok("landscape", "--plane", plane or self.plane_file, "--out", file, "--quiet", *flags)
        return file

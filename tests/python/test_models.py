"""The engine's networks match the usual PyTorch ones in names, order, shapes, counts and outputs."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import cli
import probe
import reference_models
import safetensors_file

VGGS = [f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn")]
THIN = [{"name": f"resnet{depth}", "shortcut": option} for depth in (20, 32, 44, 56, 110) for option in "AB"]
ALL = [{"name": name} for name in VGGS + ["resnet18", "resnet34"]] + THIN
COUNTS = [({"name": "resnet18"}, 11_173_962), ({"name": "vgg16_bn"}, 14_728_266), ({"name": "vgg11_bn"}, 9_231_114),
          ({"name": "resnet20", "shortcut": "A"}, 269_722), ({"name": "resnet56", "shortcut": "A"}, 853_018),
          ({"name": "resnet56", "shortcut": "B"}, 855_770)]


def engine_layout(config, folder):
    """[(name, shape)] of parameters and of buffers in the engine's order, taken from a plane's file."""
    weights, config_file, plane = (str(Path(folder, name)) for name in ("weights", "config.json", "plane"))
    safetensors_file.write(weights, reference_models.tensors_of(reference_models.make(**config)))
    Path(config_file).write_text(json.dumps({"model": config, "data": {"train_images": 1, "test_images": 1}}))
    subprocess.run([cli.PROGRAM, "plane", weights, "--config", config_file, "--kind", "random", "--out", plane],
                   check=True, capture_output=True, timeout=600)
    metadata = safetensors_file.read(plane)[1]
    layouts = []
    for key in ("layout", "buffer_layout"):
        entries, end = json.loads(metadata[key]), 0
        for entry in entries:
            assert entry["offset"] == end, f"{entry} does not begin at {end}"
            end += int(np.prod(entry["shape"]))
        layouts.append([(entry["name"], tuple(entry["shape"])) for entry in entries])
    return layouts


class Layout(unittest.TestCase):
    def check_layout(self, config):
        model = reference_models.make(**config)
        parameters = {name for name, _ in model.named_parameters()}
        expected = [(name, tuple(t.shape)) for name, t in reference_models.tensors_of(model).items()]
        with tempfile.TemporaryDirectory() as folder:
            layout, buffer_layout = engine_layout(config, folder)
        self.assertEqual(layout, [item for item in expected if item[0] in parameters])
        self.assertEqual(buffer_layout, [item for item in expected if item[0] not in parameters])
        return sum(int(np.prod(shape)) for _, shape in layout)

    def test_names_shapes_and_order_are_those_of_the_state_dict(self):
        mlps = [{"name": "mlp", "hidden": []}, {"name": "mlp", "hidden": [7, 5], "width": 0.5}]
        # A padding shortcut needs channel counts with an even difference.
        for config in mlps + [{**config, "width": 0.125 if config in THIN else 0.0625} for config in ALL]:
            with self.subTest(**config):
                self.check_layout(config)

    def test_full_width_has_the_known_number_of_parameters(self):
        for config, count in COUNTS:
            with self.subTest(**config):
                self.assertEqual(self.check_layout(config), count)


class Forward(unittest.TestCase):
    def check_logits(self, config, num_images, tolerance=2e-5):
        """Compares with float64, relative to the largest logit: rounding costs a few epsilons (1.2e-7) per layer."""
        model = reference_models.randomise(reference_models.make(**config))
        images, labels = probe.random_images(num_images)
        out = probe.run_probe("forward", {"model": config}, model, images, labels)
        with torch.no_grad():
            expected = model.double()(reference_models.normalise(images, probe.MEAN, probe.STD)).numpy()
        scale = np.abs(expected).max()
        self.assertGreater(scale, 0.1)
        for executor in ("eager", "compiled"):
            self.assertEqual(out[executor].shape, (num_images, 10))
            self.assertLess(np.abs(out[executor] - expected).max() / scale, tolerance, executor)

    def test_logits_are_pytorchs_at_a_quarter_of_the_width(self):
        for config in ALL:
            with self.subTest(**config):
                self.check_logits({**config, "width": 0.25}, 3)

    def test_logits_are_pytorchs_at_full_width(self):
        for name in ("resnet18", "vgg16_bn"):
            with self.subTest(name=name):
                self.check_logits({"name": name}, 2)

    def test_logits_of_an_mlp_are_pytorchs_with_none_one_and_three_hidden_layers(self):
        for hidden in ([], [33], [64, 1, 17]):
            with self.subTest(hidden=hidden):
                self.check_logits({"name": "mlp", "hidden": hidden}, 5)

    def test_odd_widths_and_batches_change_nothing(self):
        for name, width, num_images in (("vgg11_bn", 0.1, 1), ("resnet18", 0.05, 131), ("resnet20", 1.0, 17)):
            with self.subTest(name=name):
                self.check_logits({"name": name, "width": width}, num_images)


if __name__ == "__main__":
    unittest.main()

"""Training steps against torch.optim.SGD on the same images in the same order."""
import unittest

import numpy as np
import torch

import probe
import reference_models

torch.set_num_threads(1)  # small networks, and so also with cores that are busy otherwise

IMAGES, BATCH, STEPS = 23, 5, 8  # five steps an epoch, the last with three images; the eighth lies in epoch two
MODELS = [{"name": "vgg11_bn", "width": 0.25}, {"name": "resnet20", "width": 0.5}, {"name": "mlp", "hidden": [20, 10]}]
VGG, RESNET, MLP = MODELS
# The rate falls at step 6, in the second epoch.
SCHEDULE = {"kind": "late_decay", "lr": 0.02, "decay_at": 1.2, "factor": 0.1}
DECAY_STEP = 6


def start_model(config):
    """A start away from kinks. Of a million activations a few lie nearer to zero than float32 rounds; each that a ReLU lets
    pass here and stops there changes gradients by a hundredth, and training amplifies that. So every norm shifts its
    channels by many deviations: up, or down for some of those that no sum follows."""
    model = reference_models.randomise(reference_models.make(**config))
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.15, 0.3)
                module.bias.fill_(2.0)
                if not name.endswith(("bn2", "shortcut.1")):
                    module.bias[::4] = -2.0
            elif isinstance(module, torch.nn.Linear) and not isinstance(model, reference_models.Mlp):
                module.weight.mul_(0.1)
    return model


def flat(tensors, names):
    return np.concatenate([np.asarray(tensors[name], np.float64).ravel() for name in names])


def train_config(optimizer, **others):
    return {"epochs": 2, "batch": BATCH, "schedule": SCHEDULE, "optimizer": optimizer, **others}


def run_engine(model_config, train, seed=3):
    model = start_model(model_config)
    images, labels = probe.random_images(IMAGES)
    spec = {"model": model_config, "train": train, "seed": seed, "steps": STEPS}
    return probe.run_probe("train", spec, model, images, labels)


def sgd_of(model, optimizer):
    exempt = [p for p in model.parameters() if p.ndim == 1] if not optimizer.get("decay_norm_and_bias", True) else []
    decayed = [p for p in model.parameters() if all(p is not e for e in exempt)]
    groups = [{"params": decayed, "weight_decay": optimizer["weight_decay"]}, {"params": exempt, "weight_decay": 0.0}]
    return torch.optim.SGD([g for g in groups if g["params"]], lr=SCHEDULE["lr"], momentum=optimizer["momentum"],
                           nesterov=optimizer.get("nesterov", False))


def run_pytorch(model_config, train, order):
    """Tensors after the steps in float64; `order` holds a permutation an epoch, one behind the other."""
    model = start_model(model_config).double().train()
    images, labels = probe.random_images(IMAGES)
    x = reference_models.normalise(images, probe.MEAN, probe.STD)
    sgd = sgd_of(model, train["optimizer"])
    per_epoch = -(-IMAGES // BATCH)
    for step in range(STEPS):
        epoch, k = divmod(step, per_epoch)
        chosen = torch.from_numpy(order[epoch * IMAGES:(epoch + 1) * IMAGES][k * BATCH:(k + 1) * BATCH])
        for group in sgd.param_groups:
            group["lr"] = SCHEDULE["lr"] * (SCHEDULE["factor"] if step >= DECAY_STEP else 1)
        loss = torch.nn.functional.cross_entropy(model(x[chosen]), torch.from_numpy(labels)[chosen],
                                                 label_smoothing=train.get("label_smoothing", 0.0))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    return {name: t.numpy() for name, t in reference_models.tensors_of(model).items()}


class Training(unittest.TestCase):
    def check_training(self, model_config, train):
        """Against float64, tensor by tensor, relative to how far training moved the tensor. Rounding, amplified from step
        to step, costs 1e-6 to 1e-5; a step taken wrongly 1e-2 and more. A tensor that hardly moves (a bias in
        front of a norm) counts with a hundredth of the whole movement."""
        got = run_engine(model_config, train)
        exact = run_pytorch(model_config, train, got["order"])
        self.assertEqual(set(got) - {"order"}, set(exact))
        start = reference_models.tensors_of(start_model(model_config))
        moved = {name: np.linalg.norm(exact[name] - start[name].double().numpy()) for name in exact}
        total = np.linalg.norm([distance for name, distance in moved.items() if "running" not in name])
        self.assertGreater(total, 0.1)
        for name, value in exact.items():
            stored = STEPS * 6e-8 * np.linalg.norm(value)  # each step rounds the weights themselves
            self.assertLess(np.linalg.norm(got[name] - value), 1e-4 * (moved[name] + 0.01 * total) + stored, name)
        return got

    def test_plain_sgd(self):
        for model in MODELS:
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.0, "weight_decay": 0.0}))

    def test_momentum_and_weight_decay(self):
        for model in MODELS:
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.9, "weight_decay": 0.05}))

    def test_nesterov(self):
        for model in MODELS:
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}))

    def test_norms_and_biases_can_be_exempt_from_weight_decay(self):
        exempt = {"momentum": 0.9, "weight_decay": 0.1, "decay_norm_and_bias": False}
        for model in MODELS:
            with self.subTest(**model):
                got = self.check_training(model, train_config(exempt))
                all_decayed = run_engine(model, train_config({**exempt, "decay_norm_and_bias": True}))
                last = "fc3.bias" if model is MLP else "classifier.bias" if model is VGG else "linear.bias"
                self.assertGreater(np.abs(got[last] - all_decayed[last]).max(), 1e-4)

    def test_label_smoothing(self):
        for model in (RESNET, MLP):
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.9, "weight_decay": 0.0}, label_smoothing=0.1))

    def test_each_epoch_takes_every_image_once_in_an_order_of_its_own(self):
        order = run_engine(MLP, train_config({"momentum": 0.0, "weight_decay": 0.0}))["order"]
        first, second = order[:IMAGES], order[IMAGES:]
        for epoch in (first, second):
            self.assertEqual(sorted(epoch), list(range(IMAGES)))
        self.assertFalse(np.array_equal(first, second))
        self.assertFalse(np.array_equal(first, np.arange(IMAGES)))
        other = run_engine(MLP, train_config({"momentum": 0.0, "weight_decay": 0.0}), seed=4)["order"]
        self.assertFalse(np.array_equal(order, other))

    def test_the_same_steps_give_the_same_bits(self):
        train = train_config({"momentum": 0.9, "weight_decay": 0.01})
        one, two = run_engine(VGG, train), run_engine(VGG, train)
        for name in one:
            self.assertEqual(one[name].tobytes(), two[name].tobytes(), name)

    def test_bf16_is_near_float32_but_not_equal(self):
        """bf16 keeps 8 bits: gradients are off by about a hundredth, and the steps amplify that."""
        optimizer = {"momentum": 0.9, "weight_decay": 0.01}
        for model in MODELS:
            with self.subTest(**model):
                start = reference_models.tensors_of(start_model(model))
                exact = run_engine(model, train_config(optimizer))
                short = run_engine(model, train_config(optimizer, precision="bf16"))
                names = list(start)
                change = np.linalg.norm(flat(exact, names) - flat(start, names))
                ratio = np.linalg.norm(flat(short, names) - flat(exact, names)) / change
                self.assertGreater(ratio, 1e-4)
                self.assertLess(ratio, 0.2)


if __name__ == "__main__":
    unittest.main()

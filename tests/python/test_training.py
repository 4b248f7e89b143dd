"""Compares training steps with torch.optim on the same images in the same order."""
import unittest

import numpy as np
import torch

import probe
import reference_models

torch.set_num_threads(1)  # enough for small networks, and robust if other cores are busy

IMAGES, BATCH, STEPS = 23, 5, 8  # five steps per epoch, the last with three images; the eighth is in epoch two
MODELS = [{"name": "vgg11_bn", "width": 0.25}, {"name": "resnet20", "width": 0.5}, {"name": "mlp", "hidden": [20, 10]}]
VGG, RESNET, MLP = MODELS
# The rate falls at step 6, in the second epoch.
SCHEDULE = {"kind": "late_decay", "lr": 0.02, "decay_at": 1.2, "factor": 0.1}
DECAY_STEP = 6
ADAMW = {"kind": "adamw", "beta1": 0.85, "beta2": 0.99, "eps": 1e-3, "weight_decay": 0.1}


def start_model(config):
    """Makes a start away from the kinks of ReLUs. Of a million activations a few are closer to zero than the rounding
    error of float32; each that passes a ReLU in only one of the programs changes gradients by a hundredth, and training
    amplifies that. So every norm shifts its channels by many deviations: up, or every fourth one down in norms that no
    sum follows."""
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


def run_engine(model_config, train, seed=3, steps=STEPS):
    model = start_model(model_config)
    images, labels = probe.random_images(IMAGES)
    spec = {"model": model_config, "train": train, "seed": seed, "steps": steps}
    return probe.run_probe("train", spec, model, images, labels)


def optimizer_of(model, optimizer):
    exempt = [p for p in model.parameters() if p.ndim == 1] if not optimizer.get("decay_norm_and_bias", True) else []
    decayed = [p for p in model.parameters() if all(p is not e for e in exempt)]
    groups = [{"params": decayed, "weight_decay": optimizer["weight_decay"]}, {"params": exempt, "weight_decay": 0.0}]
    groups = [g for g in groups if g["params"]]
    if optimizer.get("kind") == "adamw":
        return torch.optim.AdamW(groups, lr=SCHEDULE["lr"], betas=(optimizer["beta1"], optimizer["beta2"]), eps=optimizer["eps"])
    return torch.optim.SGD(groups, lr=SCHEDULE["lr"], momentum=optimizer["momentum"], nesterov=optimizer.get("nesterov", False))


def add_gradient(model, train, x, labels, share):
    """Adds the gradient of a batch's mean loss, in train["accumulate"] slices; image n is mixed with N - 1 - n."""
    size = len(labels)
    mixed, partners = share * x + (1 - share) * x.flip(0), labels.flip(0)
    slices = min(train.get("accumulate", 1), size)
    for k in range(slices):
        part = slice(size * k // slices, size * (k + 1) // slices)
        logits = model(mixed[part])
        loss = sum(weight * torch.nn.functional.cross_entropy(logits, wanted, label_smoothing=train.get("label_smoothing", 0.0))
                   for weight, wanted in ((share, labels[part]), (1 - share, partners[part])) if weight > 0)
        (loss * (part.stop - part.start) / size).backward()


def sharpen(model, optimizer, rho, again):
    """Replaces the gradient by SAM's. The second pass does not update the statistics of norms."""
    parameters = list(model.parameters())
    kept = [p.detach().clone() for p in parameters]
    norm = torch.sqrt(sum((p.grad ** 2).sum() for p in parameters))
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    with torch.no_grad():
        for p in parameters:
            p.add_(rho * p.grad / norm)
    optimizer.zero_grad()
    again()
    with torch.no_grad():
        for p, old in zip(parameters, kept):
            p.copy_(old)
        for name, b in model.named_buffers():
            b.copy_(buffers[name])


def average_of(model, average, per_epoch):
    """PyTorch's running average, updated as train.average specifies; None if the configuration has none."""
    if average is None:
        return None, lambda done: None
    if average["kind"] == "ema":
        averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(average["decay"]))
    else:
        averaged = torch.optim.swa_utils.AveragedModel(model)
    first = average.get("start_epoch", 0) * per_epoch
    due = lambda done: done >= first and (average["kind"] == "ema" or done % per_epoch == 0)
    return averaged, lambda done: due(done) and averaged.update_parameters(model)


def run_pytorch(model_config, train, order, steps, shares, dtype=torch.float64):
    """Returns the tensors after the steps; `order` has one permutation per epoch, concatenated."""
    model = start_model(model_config).to(dtype).train()
    images, labels = probe.random_images(IMAGES)
    x, labels = reference_models.normalise(images, probe.MEAN, probe.STD).to(dtype), torch.from_numpy(labels)
    config = train["optimizer"]
    optimizer = optimizer_of(model, config)
    per_epoch = -(-IMAGES // BATCH)
    averaged, update_average = average_of(model, train.get("average"), per_epoch)
    for step in range(steps):
        epoch, k = divmod(step, per_epoch)
        chosen = torch.from_numpy(order[epoch * IMAGES:(epoch + 1) * IMAGES][k * BATCH:(k + 1) * BATCH])
        for group in optimizer.param_groups:
            group["lr"] = train["schedule"]["lr"] * (train["schedule"]["factor"] if step >= DECAY_STEP else 1)
        optimizer.zero_grad()
        gradient = lambda: add_gradient(model, train, x[chosen], labels[chosen], shares[step])
        gradient()
        if config.get("sam_rho"):
            sharpen(model, optimizer, config["sam_rho"], gradient)
        if config.get("clip_norm"):
            torch.nn.utils.clip_grad_norm_(model.parameters(), config["clip_norm"])
        optimizer.step()
        update_average(step + 1)
    out = {name: t.numpy() for name, t in reference_models.tensors_of(model).items()}
    if averaged is not None:
        out.update({"average." + name: p.detach().numpy() for name, p in averaged.module.named_parameters()})
    return out


class Training(unittest.TestCase):
    def check_training(self, model_config, train, steps=STEPS):
        """Compares with float64, tensor by tensor, relative to how far training moved the tensor. Rounding, amplified
        from step to step, costs 1e-6 to 1e-5; a wrong step costs 1e-2 or more. A tensor that hardly moves (a bias in
        front of a norm) is compared relative to a hundredth of the whole movement."""
        got = run_engine(model_config, train, steps=steps)
        exact = run_pytorch(model_config, train, got["order"], steps, got["shares"])
        self.assertEqual(set(got) - {"order", "shares"}, set(exact))
        start = reference_models.tensors_of(start_model(model_config))
        moved = {name: np.linalg.norm(exact[name] - start[name.removeprefix("average.")].double().numpy()) for name in exact}
        total = np.linalg.norm([distance for name, distance in moved.items() if "running" not in name])
        self.assertGreater(total, 0.1)
        for name, value in exact.items():
            stored = steps * 6e-8 * np.linalg.norm(value)  # each step rounds the weights themselves
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

    def check_fifty_steps(self, model, optimizer):
        """Rounding errors grow from step to step by a factor that depends on the network; the error of PyTorch's own
        float32 shows how much. At four times the rate ResNet-20's steps amplify them a thousandfold; by then an
        activation may cross a ReLU's kink in only one of the programs (start_model), which would only reflect the
        processor."""
        with self.subTest(**model):
            train = {**train_config(optimizer), "epochs": 10, "schedule": {**SCHEDULE, "lr": 0.005}}
            start = reference_models.tensors_of(start_model(model))
            kinds = [names for names in ([name for name in start if ("running" in name) == running] for running in (False, True)) if names]
            for seed in (3, 4, 5):
                got = run_engine(model, train, seed, 50)
                exact, single = (run_pytorch(model, train, got["order"], 50, got["shares"], dtype) for dtype in (torch.float64, torch.float32))
                for names in kinds:
                    value, moved = flat(exact, names), np.linalg.norm(flat(exact, names) - flat(start, names))
                    error, usual = (np.linalg.norm(flat(tensors, names) - value) for tensors in (got, single))
                    self.assertLess(error, min(5 * usual + 1e-5 * np.linalg.norm(value), 1e-2 * moved))

    def test_fifty_steps_of_sgd(self):
        for model in MODELS:
            self.check_fifty_steps(model, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01})

    def test_fifty_steps_of_adamw(self):
        for model in MODELS:
            self.check_fifty_steps(model, ADAMW)

    def test_adamw_with_norms_and_biases_exempt(self):
        self.check_training(VGG, train_config({**ADAMW, "decay_norm_and_bias": False}))

    def test_gradients_are_clipped_to_a_norm(self):
        for model in MODELS:
            with self.subTest(**model):
                plain = {"momentum": 0.9, "weight_decay": 0.01}
                free = self.check_training(model, train_config({**plain, "clip_norm": 1e6}))
                got = self.check_training(model, train_config({**plain, "clip_norm": 0.7}))
                self.assertGreater(np.abs(flat(got, list(free)) - flat(free, list(free))).max(), 1e-3)

    def test_sharpness_aware_steps(self):
        for model in MODELS:
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.9, "weight_decay": 0.01, "sam_rho": 0.05}))

    def test_batches_in_slices(self):
        for model in MODELS:
            with self.subTest(**model):
                self.check_training(model, train_config({"momentum": 0.9, "weight_decay": 0.01}, accumulate=2))

    def test_mixup(self):
        for model in MODELS:
            with self.subTest(**model):
                got = self.check_training(model, train_config({"momentum": 0.9, "weight_decay": 0.01}, mixup=0.4))
                self.assertTrue(((got["shares"] > 0) & (got["shares"] < 1)).all())
                self.assertEqual(len(set(got["shares"])), STEPS)

    def test_all_of_it_together(self):
        both = {**ADAMW, "clip_norm": 1.5, "sam_rho": 0.02}
        self.check_training(MLP, train_config(both, accumulate=2, mixup=1.0, label_smoothing=0.1))

    def test_averages(self):
        for average in ({"kind": "ema", "decay": 0.8}, {"kind": "ema", "decay": 0.8, "start_epoch": 1.2},
                        {"kind": "swa"}, {"kind": "swa", "start_epoch": 3}):
            with self.subTest(**average):
                train = train_config({"momentum": 0.9, "weight_decay": 0.01}, average=average)
                got = self.check_training(MLP, {**train, "epochs": 5}, steps=25)
                weights = [name for name in got if name.startswith("fc")]
                away = flat(got, ["average." + name for name in weights]) - flat(got, weights)
                self.assertGreater(np.linalg.norm(away), 1e-4)

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
        """bf16 has 8 bits: gradients are off by about a hundredth, and the steps amplify that."""
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

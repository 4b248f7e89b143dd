"""Compares learning-rate schedules with torch.optim.lr_scheduler, stepped once per update, over whole runs."""
import math
import unittest
import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler

import probe

LR, PER_EPOCH, EPOCHS = 0.1, 37, 11
STEPS = PER_EPOCH * EPOCHS  # 407


def steps_of(epochs):
    return math.floor(epochs * PER_EPOCH + 0.5)  # rounds halves up, unlike Python's round


def torch_rates(make, steps=STEPS):
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about stepping a scheduler before its optimiser
        scheduler = make(sgd)
        rates = []
        for _ in range(steps):
            rates.append(sgd.param_groups[0]["lr"])
            scheduler.step()
    return np.array(rates)


class Schedules(unittest.TestCase):
    def check(self, schedule, make, **run):
        run = {"steps_per_epoch": PER_EPOCH, "epochs": EPOCHS, "steps": STEPS, **run}
        got = probe.run_schedule(schedule, **run)
        exact = torch_rates(make, run["steps"])
        self.assertEqual(got["lr"].shape, exact.shape)
        self.assertLessEqual(np.abs(got["lr"] - exact).max(), 1e-12 * exact.max(), schedule)
        return got

    def test_step(self):
        self.check({"kind": "step", "lr": LR, "every": 2, "factor": 0.3},
                   lambda sgd: lr_scheduler.StepLR(sgd, 2 * PER_EPOCH, 0.3))

    def test_multi_step(self):
        got = self.check({"kind": "multi_step", "lr": LR, "milestones": [3, 5.5, 9], "factor": 0.2},
                         lambda sgd: lr_scheduler.MultiStepLR(sgd, [111, 204, 333], 0.2))
        self.assertEqual(got["changes"].tolist(), [111, 204, 333])  # 5.5 * 37 = 203.5

    def test_linear(self):
        self.check({"kind": "linear", "lr": LR, "end_lr": 0.004, "epochs": 8},
                   lambda sgd: lr_scheduler.LinearLR(sgd, 1.0, 0.04, 8 * PER_EPOCH))

    def test_cosine(self):
        self.check({"kind": "cosine", "lr": LR, "end_lr": 0.004}, lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, STEPS, 0.004))

    def test_polynomial(self):
        for power in (0.5, 1.0, 2.0, 3.7):
            with self.subTest(power=power):
                self.check({"kind": "polynomial", "lr": LR, "power": power},
                           lambda sgd: lr_scheduler.PolynomialLR(sgd, STEPS, power))
                self.check({"kind": "polynomial", "lr": LR, "power": power, "epochs": 6},
                           lambda sgd: lr_scheduler.PolynomialLR(sgd, 6 * PER_EPOCH, power))

    def test_one_cycle(self):
        for shape, strategy in (("cosine", "cos"), ("linear", "linear")):
            for pct_start in (0.0, 0.05, 0.3, 0.5, 0.77):
                with self.subTest(shape=shape, pct_start=pct_start):
                    self.check({"kind": "one_cycle", "lr": LR, "pct_start": pct_start, "shape": shape, "div_factor": 10,
                                "final_div_factor": 200},
                               lambda sgd: lr_scheduler.OneCycleLR(sgd, LR, STEPS, pct_start=pct_start, anneal_strategy=strategy,
                                                                   cycle_momentum=False, div_factor=10, final_div_factor=200))

    def test_one_cycle_has_the_defaults_of_torch(self):
        got = self.check({"kind": "one_cycle", "lr": LR}, lambda sgd: lr_scheduler.OneCycleLR(sgd, LR, STEPS))
        self.assertEqual(got["changes"].tolist(), [121, STEPS - 1])  # the peak: 0.3 * 407 - 1 = 121.1
        self.assertEqual(np.argmax(got["lr"]), 121)

    def test_cyclic(self):
        for up, down in ((2, 2), (1, 3), (2.5, 0.5)):
            sizes = {"step_size_up": steps_of(up), "step_size_down": steps_of(down)}
            for mode in ("triangular", "triangular2", "exp_range"):
                gamma = {"gamma": 0.995} if mode == "exp_range" else {}
                with self.subTest(up=up, down=down, mode=mode):
                    self.check({"kind": "cyclic", "lr": LR, "base_lr": 0.01, "up_epochs": up, "down_epochs": down, "mode": mode,
                                **gamma},
                               lambda sgd: lr_scheduler.CyclicLR(sgd, 0.01, LR, **sizes, mode=mode, cycle_momentum=False, **gamma))

    def test_inverse_sqrt(self):
        self.check({"kind": "inverse_sqrt", "lr": LR, "timescale": 2},
                   lambda sgd: lr_scheduler.LambdaLR(sgd, lambda step: (74 / (step + 74)) ** 0.5))

    def test_table(self):
        points = [[0, 0.05], [1, 0.1], [4.5, 0.02], [10, 0.03]]
        steps = [steps_of(epoch) for epoch, _ in points]
        rates = [rate for _, rate in points]
        self.check({"kind": "table", "points": points},
                   lambda sgd: lr_scheduler.LambdaLR(sgd, lambda step: np.interp(step, steps, rates) / LR))
        self.check({"kind": "table", "points": points, "interpolation": "step"},
                   lambda sgd: lr_scheduler.LambdaLR(sgd, lambda step: rates[np.searchsorted(steps, step, "right") - 1] / LR))

    def test_warm_up_in_front(self):
        """Compares with SequentialLR, in which the second schedule starts from its beginning when the first ends."""
        def sequence(make_second):
            return lambda sgd: lr_scheduler.SequentialLR(
                sgd, [lr_scheduler.LinearLR(sgd, 0.25, 1.0, 3 * PER_EPOCH), make_second(sgd)], [3 * PER_EPOCH])
        warmup = {"warmup": {"epochs": 3, "start_factor": 0.25}}
        rest = STEPS - 3 * PER_EPOCH
        self.check({"kind": "cosine", "lr": LR, **warmup}, sequence(lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, rest)))
        self.check({"kind": "polynomial", "lr": LR, "power": 2, **warmup},
                   sequence(lambda sgd: lr_scheduler.PolynomialLR(sgd, rest, 2)))
        self.check({"kind": "inverse_sqrt", "lr": LR, "timescale": 2, **warmup},
                   sequence(lambda sgd: lr_scheduler.LambdaLR(sgd, lambda step: (74 / (step + 74)) ** 0.5)))

    def test_runs_of_many_epochs(self):
        """Two hundred epochs of CIFAR-10 in batches of 128."""
        run = {"steps_per_epoch": 391, "epochs": 200, "steps": 78200}
        self.check({"kind": "one_cycle", "lr": LR}, lambda sgd: lr_scheduler.OneCycleLR(sgd, LR, 78200), **run)
        self.check({"kind": "cyclic", "lr": LR, "base_lr": 0.001, "up_epochs": 7},
                   lambda sgd: lr_scheduler.CyclicLR(sgd, 0.001, LR, 7 * 391, cycle_momentum=False), **run)
        self.check({"kind": "polynomial", "lr": LR, "power": 2}, lambda sgd: lr_scheduler.PolynomialLR(sgd, 78200, 2), **run)


if __name__ == "__main__":
    unittest.main()

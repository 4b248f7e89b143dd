"""The LR range test from the command line."""
import json
import unittest

import numpy as np

import cli


class LrRange(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.config = self.write("config.json", cli.experiment_config(cli.MLP))
        self.csv = self.folder / "deep" / "lr.csv"

    def measure(self, *args):
        printed = cli.run_ok("lr-range", self.config, "--out", self.csv, "--quiet", *args)
        return printed, np.genfromtxt(self.csv, delimiter=",", names=True)

    def test_rates_grow_by_a_factor_and_losses_are_those_of_training(self):
        printed, table = self.measure("--from", 1e-4, "--to", 1e-1, "--steps", 31, "--json")
        np.testing.assert_allclose(table["lr"], np.geomspace(1e-4, 1e-1, 31), rtol=1e-12)
        weights = 0.95 ** np.arange(31)
        smoothed = [np.average(table["loss"][:k + 1][::-1], weights=weights[:k + 1]) for k in range(31)]
        np.testing.assert_allclose(table["smoothed_loss"], smoothed, rtol=1e-9)
        result = json.loads(printed)
        self.assertEqual((result["steps"], result["diverged"], result["file"]), (31, False, str(self.csv)))
        self.assertIn(result["steepest"], table["lr"])
        # A run with that table as its schedule takes the same steps.
        run = self.folder / "run"
        points = [[k / 5, lr] for k, lr in enumerate(table["lr"])]
        config = cli.experiment_config(cli.MLP)
        config["train"].update(epochs=2, log_every=1, schedule={"kind": "table", "points": points, "interpolation": "step"})
        cli.run_ok("train", self.write("table.json", config), "--out", run, "--quiet")
        losses = [line["loss"] for line in cli.read_metrics(run) if line["kind"] == "step"]
        np.testing.assert_array_equal(table["loss"][:len(losses)], losses)

    def test_it_ends_where_the_loss_explodes(self):
        printed, table = self.measure("--to", 1e8)
        self.assertLess(len(table), 100)
        self.assertIn("falls fastest", printed)
        self.assertIn("<svg", self.csv.with_suffix(".svg").read_text())

    def test_the_same_command_gives_the_same_bits(self):
        self.measure()
        first = self.csv.read_bytes(), self.csv.with_suffix(".svg").read_bytes()
        self.measure()
        self.assertEqual((self.csv.read_bytes(), self.csv.with_suffix(".svg").read_bytes()), first)

    def test_ranges_that_are_none_are_refused(self):
        for args in (["--from", "0"], ["--from", "1", "--to", "0.1"], ["--to", "inf"], ["--steps", "3"], ["--from", "x"]):
            self.check_fails(2, ["lr-range", self.config, "--out", self.csv, *args])
        self.check_fails(2, ["lr-range", self.config], "--out")


if __name__ == "__main__":
    unittest.main()

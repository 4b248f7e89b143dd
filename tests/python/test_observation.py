"""A run's reports: metrics.csv, TensorBoard's events and log.txt agree with metrics.jsonl, whether resumed or not."""
import csv
import signal
import unittest

import numpy as np

import cli
import event_files


def config(**train):
    config = cli.experiment_config(cli.MLP)
    config["train"] |= {"epochs": 8, "log_every": 2, "checkpoint_every": 3, **train}
    del config["branches"]
    return config


def expected_scalars(lines):
    """Returns tag -> {step: value} from the lines of metrics.jsonl."""
    scalars = {}
    for line in lines:
        for key, value in line.items():
            split, _, quantity = key.rpartition("_")
            is_metric = quantity in ("loss", "accuracy") and split
            tag = f"{quantity}/{split}" if is_metric else {"loss": "loss/batch"}.get(key, key)
            if key not in ("kind", "step", "epoch", "seconds") and value is not None:
                scalars.setdefault(tag, {})[line["step"]] = float(np.float32(value))
    return scalars


def rows_in(run):
    return max(cli.lines_in(run / "metrics.csv") - 1, 0)


def kill_beyond_a_checkpoint(config_file, run):
    """Kills the run after it has written ten epochs; its last checkpoint is that of epoch nine."""
    process = cli.start("train", config_file, "--out", run, "--quiet")
    code = cli.signal_when(process, lambda: rows_in(run) >= 10, signal.SIGKILL)
    assert code == -signal.SIGKILL, code


class Observation(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "run"

    def train(self, config, *flags):
        return cli.run("train", self.write("config.json", config), "--out", self.out, *flags)

    def check_all_agree(self):
        lines = cli.read_metrics(self.out)
        epochs = [line for line in lines if line["kind"] == "epoch"]
        with open(self.out / "metrics.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0])[:3], ["step", "epoch", "lr"])
        self.assertEqual([{key: float(value) for key, value in row.items() if value} for row in rows],
                         [{key: value for key, value in line.items() if key != "kind"} for line in epochs])
        self.assertEqual(event_files.read_scalars(self.out), expected_scalars(lines))

    def test_table_and_events_hold_the_metrics(self):
        self.assertEqual(self.train(config(evaluate_every={"steps": 7})).returncode, 0)
        self.check_all_agree()
        with open(self.out / "metrics.csv", newline="") as file:
            evaluated = [row["step"] for row in csv.DictReader(file) if row["test_loss"]]
        self.assertEqual(evaluated, ["35", "40"])  # the others are inside epochs

    def test_after_a_kill_what_it_orphaned_is_not_shown(self):
        long = config(epochs=120)
        path = self.write("config.json", long)
        kill_beyond_a_checkpoint(path, self.out)
        self.assertEqual(self.train(long, "--quiet").returncode, 0)
        self.assertEqual(len(list(self.out.glob("events.out.tfevents.*"))), 2)
        self.check_all_agree()

    def test_statistics_of_steps_are_told_and_the_same_in_a_killed_and_resumed_run(self):
        told = config(epochs=120, step_statistics=True)
        path = self.write("config.json", told)
        kill_beyond_a_checkpoint(path, self.out)
        self.assertEqual(self.train(told, "--quiet").returncode, 0)
        self.check_all_agree()
        steps = [line for line in cli.read_metrics(self.out) if line["kind"] == "step"]
        for line in steps:
            for key in ("gradient_norm", "weight_norm", "update_ratio"):
                self.assertGreater(line[key], 0)
        # The estimate of tr(Sigma) from one batch can be negative, but rarely is.
        scales = [line["noise_scale"] for line in steps if line["noise_scale"] is not None]
        self.assertGreater(sum(scale > 0 for scale in scales), 0.9 * len(scales))
        self.assertGreater(len(scales), 0)
        whole, self.out = self.out, self.folder / "whole"
        self.assertEqual(self.train(told, "--quiet").returncode, 0)
        self.assertEqual([line for line in cli.read_metrics(self.out) if line["kind"] == "step"], steps)
        self.out = self.folder / "plain"
        self.assertEqual(self.train(config(epochs=120), "--quiet").returncode, 0)
        self.assertEqual((self.out / "trajectory/index.log").read_bytes(), (whole / "trajectory/index.log").read_bytes())

    def test_the_log_says_what_happened(self):
        path = self.write("config.json", config(epochs=120))
        process = cli.start("train", path, "--out", self.out, "--quiet")
        self.assertEqual(cli.signal_when(process, lambda: rows_in(self.out) > 0, signal.SIGTERM), 75)
        self.assertEqual(self.train(config(epochs=120), "--quiet").returncode, 0)
        log = (self.out / "log.txt").read_text()
        self.assertRegex(log, r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  run main in ")
        for words in ("starts at step 0", "continues at step", "epoch 1 ", "epoch 120 ", "checkpoint", "stopped at step", "done"):
            self.assertIn(words, log)

    def test_the_log_says_why_a_run_failed(self):
        bad = config()
        bad["train"]["schedule"] = {"kind": "constant", "lr": 1e6}
        self.assertEqual(self.train(bad, "--quiet").returncode, 1)
        self.assertIn("training diverged", (self.out / "log.txt").read_text())

    def test_a_banner_tells_every_setting_unless_quiet(self):
        result = self.train(config(epochs=1))
        for words in ("run main", "mlp", "parameters", "300 train, 100 test, 0 validation images", "cpu", " thread", "5 steps per epoch",
                      "ends at step 5", "momentum", "schedule", "every_epochs", "float32", "deterministic", "checkpoint_every", str(self.out)):
            self.assertIn(words, result.stderr)
        again = self.train(config(epochs=1))
        self.assertEqual(again.stderr, "", "a run that is done does nothing")
        self.out = self.folder / "quiet"
        self.assertEqual(self.train(config(epochs=1), "--quiet").stderr, "")

    def test_a_profile_names_steps_and_operations_and_changes_nothing(self):
        with_evaluation = config(evaluate_every={"steps": 7})  # the profile covers steps 6 to 9
        self.assertEqual(self.train(with_evaluation, "--quiet").returncode, 0)
        self.assertFalse((self.out / "profile.json").exists())
        plain, self.out = self.out, self.folder / "profiled"
        result = self.train(with_evaluation, "--quiet", "--profile", "4")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        events = cli.read_json(self.out / "profile.json")["traceEvents"]
        names = [event.get("name") for event in events]
        self.assertEqual(names.count("training step"), 4)
        for name in ("evaluation", "snapshot", "aten::linear", "aten::addmm"):
            self.assertIn(name, names)
        for name in ("forward", "backward", "update"):
            self.assertEqual(names.count(name), 4, name)
        self.assertEqual((self.out / "trajectory/index.log").read_bytes(), (plain / "trajectory/index.log").read_bytes())
        self.assertIn("profile.json", (self.out / "log.txt").read_text())

    def test_a_profile_of_a_run_that_ends_sooner_holds_what_there_was(self):
        self.assertEqual(self.train(config(epochs=1.4), "--quiet", "--profile", "10").returncode, 0)
        names = [event.get("name") for event in cli.read_json(self.out / "profile.json")["traceEvents"]]
        self.assertEqual(names.count("training step"), 2)
        (self.out / "profile.json").unlink()
        # The run is done.
        self.assertIn("no profile was written", self.train(config(epochs=1.4), "--quiet", "--profile", "10").stderr)
        self.assertFalse((self.out / "profile.json").exists())

    def test_a_number_of_steps_to_profile_is_checked(self):
        path = self.write("config.json", config())
        for number in ("0", "-3", "many", "1001"):
            self.check_fails(2, ["train", path, "--out", self.out, "--profile", number], number)


if __name__ == "__main__":
    unittest.main()

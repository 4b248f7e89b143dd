"""Averages of the weights as separate runs: trajectory, resume, planes, maps, report, and runs too short for one."""
import json
import shutil
import signal
import unittest

import numpy as np

import cli

SEEDS = [5, 11]
EMA = {"kind": "ema", "decay": 0.8}
AVERAGES = {f"{run}-average": f"{folder}/average" for run, folder in cli.RUNS.items()}
FILES = ("run.json", "status.json", "weights.safetensors", "trajectory/weights.f32", "trajectory/index.log")


def config(average, **others):
    config = cli.experiment_config(cli.MLP, threads=1, **others)
    config["train"] |= {"average": average, "snapshots": {"every_steps": 1}}
    return config


def steps_of(index):
    return [record["step"] for record in index]


class Averages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = cli.class_folder(cls)
        cls.out = cls.scratch / "out"
        (cls.scratch / "config.json").write_text(json.dumps(config(EMA, seeds=SEEDS)))
        cli.run_ok("experiment", cls.scratch / "config.json", "--out", cls.out, "--quiet")
        cls.one = cls.out / "seeds/5"

    def claim(self, name):
        told = cli.read_json(self.out / "claims.json")["experiments"][0]
        return next(claim for claim in told["claims"] if claim["id"] == name)

    def test_snapshots_are_the_averages_of_the_runs_own_weights(self):
        for run in cli.RUNS.values():
            index, weights, _ = cli.read_trajectory(self.one / run)
            averaged, averages, _ = cli.read_trajectory(self.one / run / "average")
            self.assertEqual(steps_of(averaged), steps_of(index)[1:])  # the weights at the fork belong to the main path
            expected = weights[1].astype(np.float64)
            for now, average in zip(weights[1:], averages):
                expected += (1 - EMA["decay"]) * (now - expected)
                np.testing.assert_allclose(average, expected, rtol=0, atol=1e-6)

    def test_final_metrics_are_those_of_the_averaged_weights(self):
        for name, folder in AVERAGES.items():
            status = cli.read_json(self.one / folder / "status.json")
            self.assertEqual((status["state"], status["name"]), ("done", name))
            last = cli.read_metrics((self.one / folder).parent)[-1]
            for split in ("train", "test"):
                told = json.loads(cli.run_ok("evaluate", "--weights", self.one / folder / "weights.safetensors", "--split",
                                             split, "--json", "--quiet"))
                self.assertAlmostEqual(told["loss"], status["final"][f"{split}_loss"], delta=1e-6)
                self.assertAlmostEqual(told["accuracy"], status["final"][f"{split}_accuracy"], delta=1e-9)
            self.assertEqual(last["average_test_loss"], status["final"]["test_loss"])

    def test_planes_hold_averages_beside_their_runs(self):
        path = cli.read_plane(self.one / "planes/pca.safetensors")[1]["plane"]["path"]
        self.assertEqual({point["run"] for point in path}, set(cli.RUNS) | set(AVERAGES))
        alone = self.scratch / "alone.safetensors"
        cli.run_ok("plane", self.one / "main/average", "--out", alone, "--quiet")
        self.assertEqual({point["run"] for point in cli.read_plane(alone)[1]["plane"]["path"]}, {"main-average"})

    def test_a_line_leads_from_a_run_to_its_average_and_is_mapped(self):
        plane, surface = self.scratch / "line.safetensors", self.scratch / "line.h5"
        cli.run_ok("plane", "--kind", "line", self.one / "main", self.one / "main/average", "--out", plane, "--quiet")
        length = cli.read_plane(plane)[1]["plane"]["provenance"]["length"]
        cli.run_ok("landscape", "--plane", plane, "--grid", "2x1", "--range", f"0:{length},-1:1", "--out", surface, "--quiet")
        ends = [cli.read_json(self.one / run / "status.json")["final"]["test_loss"] for run in ("main", "main/average")]
        np.testing.assert_allclose(cli.read_surface(surface)[0]["test_loss"][0], ends, rtol=1e-4)

    def test_the_report_shows_averages_beside_their_runs(self):
        page = (self.one / "report.html").read_text()
        figures = self.one / "figures"
        for label in ("average of the main path", "average of decay-at-1", "average of late"):
            self.assertIn(f"</span>{label}</th>", page)  # a row of the table
            for figure in ("surface-train-test.svg", "loss.svg"):
                self.assertIn(f">{label}<", (figures / figure).read_text(), figure)
            self.assertNotIn(label, (figures / "learning-rate.svg").read_text())
        self.assertIn(">averages of branches<", (figures / "decay-time.svg").read_text())
        self.assertIn("average of late</th>", (self.out / "report.html").read_text())  # across seeds

    def test_summaries_over_seeds_hold_averages(self):
        told = cli.read_json(self.out / "claims.json")["experiments"][0]["runs"]
        seeds = cli.read_json(self.out / "seeds.json")["runs"]
        self.assertEqual(set(told), set(cli.RUNS) | set(AVERAGES))
        for name, folder in AVERAGES.items():
            finals = [cli.read_json(self.out / "seeds" / str(seed) / folder / "status.json")["final"] for seed in SEEDS]
            for summary in (told, seeds):
                self.assertEqual(summary[name]["test_loss"]["values"], [final["test_loss"] for final in finals])

    def test_claims_take_no_average_for_a_branch(self):
        self.assertIn("fewer than three branches", self.claim("later-accuracy")["measured"])
        self.assertIn("no map of train and test loss with three branches", self.claim("valley")["measured"])

    def test_late_decay_is_compared_with_the_average_at_equal_epochs(self):
        def accuracies(run, key):  # at epoch 2, when the main path and the first branch end
            lines = [cli.read_metrics(self.out / "seeds" / str(seed) / run) for seed in SEEDS]
            return np.array([next(l[key] for l in of_seed if l["kind"] == "epoch" and l["step"] == 10) for of_seed in lines])

        branches = [accuracies(cli.RUNS[run], "test_accuracy") for run in ("decay-at-1", "late")]
        best = max(branches, key=np.mean)
        gain = 100 * np.mean(best - accuracies("main", "average_test_accuracy"))
        claim = self.claim("averaging")
        self.assertIn(f"(the best of 2) against the average: {gain:.2f} [", claim["measured"])
        self.assertIn("at epoch 2", claim["measured"])


class OneRun(cli.CliTest):
    def experiment(self, average, *flags, **others):
        out = self.folder / "out"
        cli.run_ok("experiment", self.write("config.json", config(average, **others)), "--out", out, "--quiet", *flags)
        return out

    def test_kills_change_no_bit_of_an_average(self):
        long = config(EMA | {"start_epoch": 1.4}, branches=[])
        long["train"] |= {"epochs": 120, "log_every": 1, "checkpoint_every": 1.7}
        path = self.write("config.json", long)
        cli.run_ok("train", path, "--out", self.folder / "whole", "--quiet")
        run = self.folder / "run"
        snapshots = lambda: len(cli.read_records(run / "average/trajectory/index.log")) - 1
        for moment in (lambda: (run / "average/run.json").exists(), lambda: snapshots() > 20, lambda: snapshots() > 150):
            process = cli.start("train", path, "--out", run, "--quiet")
            self.assertEqual(cli.signal_when(process, moment, signal.SIGKILL), -signal.SIGKILL)
        killed_at = snapshots()
        process = cli.start("train", path, "--out", run, "--quiet")
        self.assertEqual(cli.signal_when(process, lambda: snapshots() > killed_at, signal.SIGTERM), 75)
        for folder in (run, run / "average"):
            self.assertEqual(cli.read_json(folder / "status.json")["state"], "interrupted", folder)
        cli.run_ok("train", path, "--out", run, "--quiet")
        for file in FILES:
            self.assertEqual((run / "average" / file).read_bytes(), (self.folder / "whole/average" / file).read_bytes(), file)
        weights, status = run / "average/weights.safetensors", run / "average/status.json"
        told = cli.read_json(status)
        for lost in (weights,), (status,), (weights, status):  # restored from the last checkpoint
            for file in lost:
                file.unlink()
            cli.run_ok("train", path, "--out", run, "--quiet")
            self.assertEqual(weights.read_bytes(), (self.folder / "whole/average/weights.safetensors").read_bytes())
            self.assertEqual(cli.read_json(status), told)
        shutil.rmtree(run / "average")
        result = cli.run("train", path, "--out", run, "--quiet")
        self.assertEqual((result.returncode, result.stderr.count("average is missing")), (0, 1), result.stderr)
        self.assertEqual(weights.read_bytes(), (self.folder / "whole/average/weights.safetensors").read_bytes())
        self.assertEqual((snapshots(), cli.read_json(status)["snapshots"]), (1, 1))  # that of the last step
        weights.unlink()
        cli.run_ok("train", path, "--out", run, "--quiet")
        self.assertEqual((snapshots(), weights.exists()), (1, True))
        # A kill before the first snapshot after a loss leaves an empty trajectory.
        index = run / "average/trajectory/index.log"
        index.write_bytes(index.read_bytes()[:16 + len(cli.read_records(index)[0])])  # the header alone
        (run / "average/trajectory/weights.f32").write_bytes(b"")
        weights.unlink()
        result = cli.run("train", path, "--out", run, "--quiet")
        self.assertEqual((result.returncode, result.stderr.count("average is missing"), snapshots()), (0, 1, 1), result.stderr)
        # Earlier snapshots that are damaged, not missing, are an error.
        index, weights = self.folder / "whole/average/trajectory/index.log", self.folder / "whole/average/weights.safetensors"
        content = bytearray(index.read_bytes())
        content[len(content) // 2] ^= 1
        index.write_bytes(content)
        weights.unlink()
        self.check_fails(1, ["train", path, "--out", self.folder / "whole", "--quiet"], "index.log is damaged", "restore")
        self.assertEqual(index.read_bytes(), content)

    def test_swa_is_the_mean_of_the_ends_of_epochs(self):
        out = self.experiment({"kind": "swa", "start_epoch": 1})
        _, weights, _ = cli.read_trajectory(out / "main")
        index, averages, _ = cli.read_trajectory(out / "main/average")
        self.assertEqual(steps_of(index), list(range(5, 11)))
        np.testing.assert_array_equal(averages[:5], weights[[5] * 5])
        np.testing.assert_allclose(averages[5], (weights[5].astype(np.float64) + weights[10]) / 2, rtol=0, atol=1e-7)

    def test_an_average_that_no_run_lives_to_see_is_refused(self):
        for average in (EMA | {"start_epoch": 2.5}, {"kind": "swa", "start_epoch": 2.2}):
            path = self.write("config.json", config(average))
            self.check_fails(2, ["train", path, "--out", self.folder / "run"], "train.average.start_epoch", "2.4")
            self.assertFalse((self.folder / "run").exists())

    def test_runs_that_end_before_their_average_begins_are_left_out_of_planes(self):
        out = self.experiment(EMA | {"start_epoch": 2.2})  # only the branch "late", which ends at epoch 2.4, has one
        self.assertEqual(cli.read_json(out / "main/average/status.json")["state"], "done")
        path = cli.read_plane(out / "planes/pca.safetensors")[1]["plane"]["path"]
        self.assertEqual({point["run"] for point in path}, {*cli.RUNS, "late-average"})
        cli.run_ok("plane", out / "main", "--out", self.folder / "plane", "--quiet")
        self.check_fails(1, ["plane", out / "main/average", "--out", self.folder / "none"], "main/average", "no snapshots")
        self.check_fails(1, ["plane", "--kind", "random", f"{out}/main/average@10", "--out", self.folder / "none"],
                         "main/average", "no snapshots")
        page = (out / "report.html").read_text()
        self.assertIn("average of late", page)
        self.assertNotIn("average of the main path", page)


if __name__ == "__main__":
    unittest.main()

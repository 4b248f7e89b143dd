"""How a run ends other than by its last step (early stop, out of memory), and uses of its checkpoints."""
import json
import re
import resource
import signal
import unittest

import numpy as np

import cli
import safetensors_file


class RunControl(cli.CliTest):
    def test_an_early_stop_is_a_clean_end_and_branches_beyond_it_are_refused(self):
        config = cli.experiment_config(cli.MLP)
        config["train"] |= {"epochs": 9, "early_stop": {"metric": "test_loss", "patience": 2, "min_delta": 1000},
                            "keep_best": "test_loss"}
        config["branches"] = [{"at_epoch": at, "epochs": 1, "schedule": {"kind": "constant", "lr": 0.002}} for at in (1, 6)]
        out = self.folder / "out"
        self.check_fails(1, ["experiment", self.write("config.json", config), "--out", out, "--quiet"], "decay-at-6",
                         "the run stopped early. Fork before that")
        status = cli.read_json(out / "main/status.json")
        self.assertEqual((status["state"], status["step"], status["end_step"]), ("done", 15, 45))
        self.assertEqual(status["stopped_early"]["epoch"], 1)
        self.assertTrue((out / "main/checkpoints/best.safetensors").exists())
        self.assertIn("stopped early at epoch 3: test_loss has not improved for at least 2 epochs, last at epoch 1",
                      (out / "main/log.txt").read_text())
        self.assertEqual(cli.read_json(out / "branches/decay-at-1/status.json")["state"], "done")
        self.assertTrue((out / "report.html").exists())  # plane, map and report cover the runs that exist
        self.assertEqual({point["run"] for point in cli.read_plane(out / "planes/pca.safetensors")[1]["plane"]["path"]},
                         {"main", "decay-at-1"})
        again = cli.run("train", self.write("main.json", config), "--out", self.folder / "alone")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("stopped early at epoch 3", again.stderr)

    def test_an_early_stop_within_an_epoch_ends_it(self):
        config = cli.experiment_config(cli.MLP, branches=[])
        config["train"] |= {"epochs": 9, "evaluate_every": {"steps": 3},
                            "early_stop": {"metric": "test_loss", "patience": 0.6, "min_delta": 1000}}
        out = self.folder / "out"
        cli.run_ok("train", self.write("config.json", config), "--out", out, "--quiet")
        status = cli.read_json(out / "status.json")
        self.assertEqual((status["state"], status["step"]), ("done", 6))  # 5 steps make an epoch
        lines = cli.read_metrics(out)
        self.assertEqual([(line["kind"], line["step"]) for line in lines if line["kind"] != "step"],
                         [("evaluation", 3), ("epoch", 5), ("epoch", 6)])
        self.assertLess({"train_loss", "test_loss", "seconds"}, lines[-1].keys())
        self.assertTrue((out / "metrics.csv").read_text().splitlines()[-1].startswith("6,"))

    def test_threads_of_a_run_beside_others_are_recorded(self):
        config = cli.experiment_config(cli.MLP, branches=[])
        config |= {"threads": 4, "parallel_runs": 2}
        out = self.folder / "out"
        cli.run_ok("train", self.write("config.json", config), "--out", out, "--quiet")
        self.assertEqual(cli.read_json(out / "status.json")["provenance"]["threads"], 2)

    def test_train_drops_branches_behind_the_end_of_the_main_path(self):
        config = cli.experiment_config(cli.MLP)
        config["branches"] = [{"at_epoch": [1, 2], "epochs": 1, "schedule": {"kind": "constant", "lr": 0.002}}]
        config["train"]["epochs"] = 1
        path, out = self.write("config.json", config), self.folder / "out"
        cli.run_ok("train", path, "--out", out, "--quiet")
        self.assertTrue((out / "checkpoints/step-000000005.safetensors").exists())  # of the fork at epoch 1
        self.check_fails(2, ["experiment", path, "--out", self.folder / "all"], "branches.0.at_epoch", "main path's 1 epochs")

    def test_an_average_that_never_began_is_told(self):
        config = cli.experiment_config(cli.MLP, branches=[])
        config["train"] |= {"epochs": 9, "early_stop": {"metric": "test_loss", "patience": 2, "min_delta": 1000},
                            "average": {"kind": "swa", "start_epoch": 5}}
        result = cli.run("train", self.write("config.json", config), "--out", self.folder / "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("no average was taken: it was to begin at epoch 5, but the run ended at epoch 3", result.stderr)

    def test_a_change_of_the_rate_behind_the_end_of_the_run_is_told(self):
        config = cli.experiment_config(cli.MLP)
        for decay_at, is_told in ((2, True), (1, False)):
            config["train"]["schedule"] = {"kind": "late_decay", "lr": 0.02, "decay_at": decay_at}
            out = self.folder / f"decay-at-{decay_at}"
            cli.run_ok("train", self.write("config.json", config), "--out", out, "--quiet")
            note = "the schedule's last change, at epoch 2, has no effect: the run ends at epoch 2"
            self.assertEqual(note in (out / "log.txt").read_text(), is_told)

    def test_another_number_of_threads_is_told_where_a_run_goes_on(self):
        config = cli.experiment_config(cli.VGG, {"name": "synthetic", "train_images": 2000, "test_images": 100}, branches=[])
        config["train"] |= {"epochs": 2, "batch": 100}
        path, out = self.write("config.json", config), self.folder / "out"
        process = cli.start("train", path, "--out", out, "--threads", "1", "--quiet")
        begun = lambda: cli.lines_in(out / "metrics.jsonl") > 0
        self.assertEqual(cli.signal_when(process, begun, signal.SIGTERM), 75)
        cli.run_ok("train", path, "--out", out, "--threads", "2", "--quiet")
        self.assertIn("the steps so far used 1 CPU threads per run, and the run continues with 2", (out / "log.txt").read_text())

    def test_a_run_without_a_step_is_refused(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP, branches=[]))
        self.check_fails(2, ["train", config, "--out", self.folder / "out", "--set", "train.epochs=0.01"], "train.epochs", "less than one step")
        self.assertFalse((self.folder / "out").exists())

    def test_numbers_beyond_float32_are_refused(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP, branches=[]))
        for key in ("clip_norm", "sam_rho", "weight_decay"):
            self.check_fails(2, ["train", config, "--out", self.folder / "out", "--set", f"train.optimizer.{key}=1e39"],
                             f"train.optimizer.{key}", "1e+38")
        self.assertFalse((self.folder / "out").exists())

    def test_the_validation_split_is_evaluated_as_in_training(self):
        config = cli.experiment_config(cli.MLP, {**cli.SYNTHETIC, "validation_images": 60})
        out = self.folder / "run"
        result = json.loads(cli.run_ok("train", self.write("config.json", config), "--out", out, "--quiet", "--json"))
        weights = ["evaluate", "--weights", out / "weights.safetensors", "--json", "--split"]
        alone = json.loads(cli.run_ok(*weights, "validation"))
        self.assertEqual((alone["images"], alone["loss"]), (60, result["validation_loss"]))
        self.assertNotEqual(alone["loss"], json.loads(cli.run_ok(*weights, "train"))["loss"])
        self.check_fails(2, [*weights, "validation", "--set", "data.validation_images=0"], "data.validation_images")
        self.check_fails(2, [*weights, "all"], "--split")

    def test_a_signal_stops_the_evaluation_of_the_final_weights(self):
        config = cli.experiment_config(cli.VGG, {"name": "synthetic", "train_images": 20000, "test_images": 100}, branches=[])
        config["train"] |= {"epochs": 0.02, "batch": 100}
        config = self.write("long.json", config)
        whole, out = self.folder / "whole", self.folder / "out"
        cli.run_ok("train", config, "--out", whole, "--quiet")
        process = cli.start("train", config, "--out", out, "--quiet")
        last = lambda: (out / "checkpoints/step-000000004.safetensors").exists()
        self.assertEqual(cli.signal_when(process, last, signal.SIGTERM), 75)
        self.assertIn("run the same command again", process.stderr_text)
        self.assertEqual(cli.read_json(out / "status.json")["state"], "interrupted")
        self.assertFalse((out / "weights.safetensors").exists())
        cli.run_ok("train", config, "--out", out, "--quiet")
        for file in ("weights.safetensors", "status.json"):
            self.assertEqual((out / file).read_bytes(), (whole / file).read_bytes())

    def test_out_of_memory_names_a_batch_that_fits(self):
        config = cli.experiment_config({"name": "vgg11_bn"}, {"name": "synthetic", "train_images": 4096, "test_images": 10})
        config["train"]["batch"] = 4096
        del config["branches"]
        path = self.write("config.json", config)

        def limit_memory():
            resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
        result = cli.run("train", path, "--out", self.folder / "run", "--quiet", preexec_fn=limit_memory)
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for words in ("out of memory", "batch of 4096"):
            self.assertIn(words, result.stderr)
        named = re.search(r"(train\.batch=\d+), or --set (train\.accumulate=\d+)", result.stderr).groups()
        for setting, epochs in zip(named, (0.2, 1)):  # a step each
            again = cli.run("train", path, "--out", self.folder / setting, "--quiet", "--set", setting, "--set",
                            f"train.epochs={epochs}", preexec_fn=limit_memory)
            self.assertEqual(again.returncode, 0, (setting, again.stderr))
        self.assertEqual(cli.read_json(self.folder / "run/status.json")["state"], "failed")
        self.assertIn("out of memory", (self.folder / "run/log.txt").read_text())

    def test_the_best_and_the_last_checkpoint_can_be_evaluated_and_span_a_plane(self):
        config = cli.experiment_config(cli.MLP)
        config["train"] |= {"epochs": 3, "keep_best": "test_accuracy"}
        out = self.folder / "run"
        cli.run_ok("train", self.write("config.json", config), "--out", out, "--quiet")
        best = cli.read_json(out / "status.json")["best"]
        file = out / "checkpoints/best.safetensors"
        evaluated = json.loads(cli.run_ok("evaluate", "--weights", file, "--json", "--quiet"))
        self.assertEqual(evaluated["accuracy"], best["value"])
        cli.run_ok("plane", "--kind", "random", file, "--out", self.folder / "plane.safetensors")
        tensors, metadata = cli.read_plane(self.folder / "plane.safetensors")
        expected, _ = safetensors_file.read(file)
        np.testing.assert_array_equal(tensors["origin"], expected["weights"])
        self.assertEqual(metadata["plane"]["path"][0]["step"], best["step"])
        moved = self.folder / "moved.safetensors"
        moved.write_bytes(file.read_bytes())
        self.check_fails(1, ["evaluate", "--weights", moved], "does not say which network", "--config")


if __name__ == "__main__":
    unittest.main()

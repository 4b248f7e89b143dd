"""One configuration from the first step to the report, and the files of every run."""
import json
import signal
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch

import cli
import reference_models
import safetensors_file

REWRITTEN = {"config.json", "report.html", "claims.json", "claims.md"}  # rewritten by each call, as are the figures


class Finished:
    """Tests that run on a finished experiment of each network below."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = cli.class_folder(cls)
        cls.config = cls.scratch / "config.json"
        cls.config.write_text(json.dumps(cli.experiment_config(cls.model)))
        cls.out = cls.scratch / "out"
        cls.printed = json.loads(cli.run_ok("experiment", cls.config, "--out", cls.out, "--json", "--quiet"))

    def run_folders(self):
        return {name: self.out / folder for name, folder in cli.RUNS.items()}

    def load_strictly(self, tensors):
        model = reference_models.make(**self.model)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()}, strict=True)
        return model

    def test_prints_the_folder_and_the_files_of_the_report(self):
        self.assertEqual(self.printed["folder"], str(self.out))
        self.assertEqual(self.printed["files"][0], str(self.out / "report.html"))
        for file in self.printed["files"]:
            self.assertGreater(Path(file).stat().st_size, 100, file)

    def test_leaves_no_journal_and_no_temporary_file(self):
        names = [path.name for path in self.out.rglob("*") if path.is_file()]
        self.assertEqual([name for name in names if name.endswith((".journal", ".tmp")) or ".tmp" in name], [])

    def test_config_json_is_the_checked_configuration(self):
        self.assertEqual((self.out / "config.json").read_text(), cli.run_ok("config", "check", self.config))

    def test_runs_are_done_and_end_where_they_should(self):
        for name, (first, last) in {"main": (0, 10), "decay-at-1": (5, 10), "late": (7, 12)}.items():
            status = cli.read_json(self.run_folders()[name] / "status.json")
            self.assertEqual((status["state"], status["name"], status["step"], status["steps_per_epoch"]),
                             ("done", name, last, 5))
            index, _, _ = cli.read_trajectory(self.run_folders()[name])
            wanted = {first, last} | {s for s in range(first, last) if s % 2 == 0} | ({5, 7} if name == "main" else set())
            self.assertEqual([record["step"] for record in index], sorted(wanted))

    def test_metrics_hold_every_epoch_and_the_rates_of_the_schedule(self):
        for name, rate in {"main": 0.02, "decay-at-1": 0.002, "late": 0.005}.items():
            lines = cli.read_metrics(self.run_folders()[name])
            for line in lines:
                self.assertAlmostEqual(line["lr"], rate, delta=1e-9)
                self.assertAlmostEqual(line["epoch"], line["step"] / 5, delta=1e-9)
            epochs = [line for line in lines if line["kind"] == "epoch"]
            self.assertEqual([line["step"] for line in epochs], [10, 12] if name == "late" else [5, 10][-len(epochs):])
            for line in epochs:
                self.assertTrue(0 < line["train_loss"] < 10 and 0 <= line["train_accuracy"] <= 1, line)
            final = cli.read_json(self.run_folders()[name] / "status.json")["final"]
            for key in ("test_loss", "test_accuracy"):
                self.assertEqual(epochs[-1][key], final[key])

    def test_weights_load_strictly_into_the_pytorch_model(self):
        for name, folder in self.run_folders().items():
            tensors, metadata = safetensors_file.read(folder / "weights.safetensors")
            self.load_strictly(tensors)
            self.assertEqual(metadata["format"], "pt")
            for key, value in tensors.items():
                if key.endswith("num_batches_tracked"):
                    self.assertEqual((value.dtype, value.shape), (np.int64, ()))
                    self.assertEqual(value, 12 if name == "late" else 10)

    def test_the_last_snapshot_is_the_weights_file(self):
        for folder in self.run_folders().values():
            model = self.load_strictly(safetensors_file.read(folder / "weights.safetensors")[0])
            parameters = torch.cat([p.detach().flatten() for p in model.parameters()])
            self.assertEqual(cli.read_trajectory(folder)[1][-1].tobytes(), parameters.numpy().tobytes())

    def test_a_branch_begins_with_the_weights_of_the_main_path(self):
        index, weights, buffers = cli.read_trajectory(self.out / "main")
        steps = [record["step"] for record in index]
        for name, fork in (("decay-at-1", 5), ("late", 7)):
            _, branch_weights, branch_buffers = cli.read_trajectory(self.run_folders()[name])
            self.assertEqual(branch_weights[0].tobytes(), weights[steps.index(fork)].tobytes())
            self.assertEqual(branch_buffers[0].tobytes(), buffers[steps.index(fork)].tobytes())
            self.assertGreater(np.abs(branch_weights[-1] - weights[-1]).max(), 1e-4)

    def test_evaluate_gives_the_run_s_own_final_numbers(self):
        for folder in self.run_folders().values():
            final = cli.read_json(folder / "status.json")["final"]
            for split, images in (("train", 300), ("test", 100)):
                args = ["evaluate", "--weights", folder / "weights.safetensors", "--split", split]
                result = json.loads(cli.run_ok(*args, "--json"))
                self.assertEqual(result, {"loss": final[split + "_loss"], "accuracy": final[split + "_accuracy"],
                                          "images": images, "split": split})
                self.assertIn(f"{result['loss']:.6f}", cli.run_ok(*args))
                args[2] = folder  # a run's folder stands for its final weights
                self.assertEqual(json.loads(cli.run_ok(*args, "--json")), result)

    def test_train_gives_the_main_path_of_the_experiment_to_the_bit(self):
        alone = self.scratch / "alone"
        printed = json.loads(cli.run_ok("train", self.config, "--out", alone, "--json", "--quiet"))
        self.assertEqual(printed, cli.read_json(alone / "status.json")["final"])
        for file in ("weights.safetensors", "trajectory/weights.f32", "trajectory/index.log"):
            self.assertEqual((alone / file).read_bytes(), (self.out / "main" / file).read_bytes(), file)
        other = self.scratch / "other"
        cli.run_ok("train", self.config, "--out", other, "--seed", "6", "--quiet")
        self.assertNotEqual(cli.read_trajectory(other)[1][0].tobytes(), cli.read_trajectory(alone)[1][0].tobytes())

    def test_surface_has_the_shape_that_the_usual_plotters_read(self):
        with h5py.File(self.out / "surfaces" / "pca.h5", "r") as file:
            self.assertEqual((file["xcoordinates"].shape, file["ycoordinates"].shape), ((5,), (4,)))
            for key, most in (("train_loss", np.inf), ("test_loss", np.inf), ("train_acc", 100), ("test_acc", 100)):
                self.assertEqual((file[key].shape, file[key].dtype), ((4, 5), np.float64))
                self.assertTrue((file[key][()] >= 0).all() and (file[key][()] <= most).all())
            self.assertGreater(file["train_acc"][()].max(), 1)  # percent
            self.assertEqual(file["dir_file"].asstr()[()], "pca.h5")
            self.assertEqual(np.isnan(file["proj_xcoord"][()]).sum(), 2)
            self.assertEqual(file["explained_variance_ratio_"].shape, (2,))

    def test_csv_holds_the_same_numbers(self):
        surface, _ = cli.read_surface(self.out / "surfaces" / "pca.h5")
        table = np.genfromtxt(self.out / "surfaces" / "pca.csv", delimiter=",", names=True)
        x, y = np.meshgrid(surface["xcoordinates"], surface["ycoordinates"])
        for name, values in {"x": x, "y": y, **{key: surface[key] for key in table.dtype.names[2:]}}.items():
            np.testing.assert_array_equal(table[name], values.ravel(), name)

    def test_report_works_offline_and_names_the_runs(self):
        page = (self.out / "report.html").read_text()
        for outside in ('src="http', "src='http", 'href="http', "@import", 'src="//'):
            self.assertNotIn(outside, page.split("plotly.js v")[0])
        for name in cli.RUNS:
            self.assertIn(name, page)

    def test_the_same_command_again_computes_nothing(self):
        def state():
            return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in self.out.rglob("*")
                    if path.is_file() and path.name not in REWRITTEN and path.parent.name != "figures"}
        before = state()
        cli.run_ok("experiment", self.config, "--out", self.out, "--quiet")
        self.assertEqual(state(), before)

    def test_another_grid_maps_again_and_trains_nothing(self):
        kept = [path for path in self.out.rglob("*.safetensors")]
        before = [path.stat().st_mtime_ns for path in kept]
        args = ["experiment", self.config, "--out", self.out, "--quiet"]
        cli.run_ok(*args, "--set", "landscape.grid=3x2")
        self.assertEqual(cli.read_surface(self.out / "surfaces" / "pca.h5")[0]["test_loss"].shape, (2, 3))
        cli.run_ok(*args)
        self.assertEqual(cli.read_surface(self.out / "surfaces" / "pca.h5")[0]["test_loss"].shape, (4, 5))
        self.assertEqual([path.stat().st_mtime_ns for path in kept], before)

    def test_lines_are_made_anew_only_for_their_own_settings(self):
        files = sorted((self.out / "lines").iterdir())
        before = [file.read_bytes() for file in files]
        times = [file.stat().st_mtime_ns for file in files]
        args = ["experiment", self.config, "--out", self.out, "--quiet"]
        cli.run_ok(*args, "--set", "landscape.grid=3x2", "--set", "landscape.margin=0.3")
        self.assertEqual([file.stat().st_mtime_ns for file in files], times)
        cli.run_ok(*args, "--set", "measures.line_points=0")
        self.assertNotIn("Between the ends of branches", (self.out / "report.html").read_text())
        cli.run_ok(*args, "--set", "measures.line_points=3")
        self.assertEqual(cli.read_surface(self.out / "lines/decay-at-1+late.h5")[0]["test_loss"].shape, (1, 3))
        self.assertIn("Between the ends of branches", (self.out / "report.html").read_text())
        cli.run_ok(*args)
        same = [file.suffix != ".csv" or file.read_bytes() == bytes for file, bytes in zip(files, before)]
        self.assertTrue(all(same))

    def test_another_configuration_for_a_trained_folder_is_refused(self):
        result = cli.run("experiment", self.config, "--out", self.out, "--set", "train.batch=32")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        for word in ("train.batch", "64", "32", "--out"):
            self.assertIn(word, result.stderr)


class MlpExperiment(Finished, unittest.TestCase):
    model = cli.MLP


class VggExperiment(Finished, unittest.TestCase):
    model = cli.VGG


class Retraining(cli.CliTest):
    def test_what_was_made_from_removed_runs_is_made_again(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        out, fresh = self.folder / "out", self.folder / "fresh"
        cli.run_ok("experiment", config, "--out", out, "--quiet")
        for name in cli.RUNS.values():
            (out / name).rename(self.folder / Path(name).name)
        change = ["--set", "train.schedule.lr=0.04", "--quiet"]
        cli.run_ok("experiment", config, "--out", out, *change)
        cli.run_ok("experiment", config, "--out", fresh, *change)
        np.testing.assert_array_equal(cli.read_plane(out / "planes/pca.safetensors")[0]["origin"],
                                      cli.read_plane(fresh / "planes/pca.safetensors")[0]["origin"])
        surfaces = [cli.read_surface(folder / "surfaces/pca.h5")[0] for folder in (out, fresh)]
        np.testing.assert_array_equal(surfaces[0]["train_loss"], surfaces[1]["train_loss"])

    def test_branches_of_a_main_path_that_was_trained_anew_are_refused_until_they_are_removed(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        out = self.folder / "out"
        cli.run_ok("experiment", config, "--out", out, "--quiet")
        (out / "main").rename(self.folder / "main")
        again = ["experiment", config, "--out", out, "--set", "train.schedule.lr=0.04", "--quiet"]
        forks = {"decay-at-1": 5, "late": 7}
        for name in forks:
            branch = out / "branches" / name
            before = (branch / "weights.safetensors").read_bytes()
            self.check_fails(1, again, str(branch), "fork", "remove the folder")
            self.assertEqual((branch / "weights.safetensors").read_bytes(), before)
            branch.rename(self.folder / name)
        cli.run_ok(*again)
        index, weights, _ = cli.read_trajectory(out / "main")
        for name, step in forks.items():
            fork = [record["step"] for record in index].index(step)
            self.assertEqual(cli.read_trajectory(out / "branches" / name)[1][0].tobytes(), weights[fork].tobytes(), name)

    def test_a_branch_added_later_needs_a_checkpoint_at_its_fork(self):
        config = cli.experiment_config(cli.MLP)
        path = self.write("config.json", config)
        cli.run_ok("experiment", path, "--out", self.folder / "out", "--quiet")
        config["branches"].append({"at_epoch": 0.4, "epochs": 1, "schedule": {"kind": "constant", "lr": 0.001}})
        self.check_fails(1, ["experiment", self.write("config.json", config), "--out", self.folder / "out", "--quiet"],
                         "decay-at-0.4", "before the branch was configured")

    def test_a_branch_added_later_at_a_checkpoint_is_one_like_the_others(self):
        config = cli.experiment_config(cli.MLP)
        config["train"] |= {"checkpoint_every": 0.2, "keep_last": 100}  # a checkpoint at each step
        out = self.folder / "run@2"  # a folder, not a snapshot, despite the @ in its name
        cli.run_ok("train", self.write("config.json", config), "--out", self.folder / "run", "--quiet")
        cli.run_ok("experiment", self.write("config.json", config), "--out", out, "--quiet")
        config["branches"].append({"at_epoch": 0.6, "epochs": 1, "schedule": {"kind": "constant", "lr": 0.001}})
        cli.run_ok("experiment", self.write("config.json", config), "--out", out, "--quiet")
        lines = {"main+decay-at-0.6", "main+decay-at-1", "main+late", "decay-at-0.6+decay-at-1", "decay-at-1+late"}
        self.assertEqual({file.stem for file in (out / "lines").glob("*.h5")}, lines)
        page = (out / "report.html").read_text()
        self.assertIn("Between the ends of branches", page)
        # An unfinished line left by a kill is not taken for the line.
        (out / "lines/main+late.unfinished.h5").write_bytes((out / "lines/main+late.h5").read_bytes())
        (out / "lines/main+late.h5").unlink()
        with h5py.File(out / "lines/main+late.unfinished.h5", "r+") as file:
            about = json.loads(file["thalweg"][()])
            about["provenance"]["landscape"]["unfinished"] = True
            del file["thalweg"]
            file["thalweg"] = json.dumps(about)
        cli.run_ok("report", out)  # reads the file although h5py has changed it
        self.assertNotIn("Between the ends of branches", (out / "report.html").read_text())

    def test_branches_that_end_at_one_epoch_end_at_one_step(self):
        forks = [0.5, 0.7, 1, 1.5]  # with seven steps per epoch: 3.5, 4.9, 7, 10.5
        config = cli.experiment_config(cli.MLP, branches=[
            {"at_epoch": forks, "until_epoch": 2, "schedule": {"kind": "linear", "lr": 0.02, "end_lr": 0.01}}])
        config["train"]["batch"] = 43
        out = self.folder / "out"
        cli.run_ok("experiment", self.write("config.json", config), "--out", out, "--quiet")
        for fork, first in zip(forks, (4, 5, 7, 11)):
            run = out / f"branches/decay-at-{fork}"
            status = cli.read_json(run / "status.json")
            self.assertEqual((status["step"], status["end_step"], status["steps_per_epoch"]), (14, 14, 7))
            rates = [line["lr"] for line in cli.read_metrics(run) if line["kind"] == "step"]
            self.assertAlmostEqual(rates[-1], 0.02 - 0.01 * (13 - first) / (14 - first), places=9)
        cli.run_ok("experiment", out / "config.json", "--out", out, "--quiet")
        again = self.folder / "again"
        cli.run_ok("experiment", out / "config.json", "--out", again, "--quiet")
        for fork in forks:
            weights = f"branches/decay-at-{fork}/weights.safetensors"
            self.assertEqual((again / weights).read_bytes(), (out / weights).read_bytes())

    def test_the_report_has_the_map_before_the_lines_are_there(self):
        config = self.write("config.json", cli.experiment_config(cli.VGG, measures={"sharpness_images": 0, "line_points": 1000}))
        out = self.folder / "out"
        begun = cli.start("experiment", config, "--out", out, "--quiet")
        self.assertEqual(cli.signal_when(begun, (out / "lines/decay-at-1+late.h5.journal").exists, signal.SIGTERM), 75)
        page = (out / "report.html").read_text()
        self.assertIn("Exact map", page)
        self.assertNotIn("Between the ends of branches", page)

    def test_there_is_no_line_between_two_ends_that_are_the_same(self):
        twins = [{"name": name, "at_epoch": 1, "until_epoch": 2, "schedule": {"kind": "constant", "lr": 0.002}}
                 for name in ("one", "other")]
        config = self.write("config.json", cli.experiment_config(cli.MLP, branches=twins))
        out = self.folder / "out"
        result = cli.run("experiment", config, "--out", out, "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("no line from one to other", result.stderr)
        self.assertEqual({file.name for file in (out / "lines").glob("*.h5")}, {"main+one.h5", "main+other.h5"})
        without = self.folder / "without"
        cli.run_ok("experiment", config, "--out", without, "--quiet", "--set", "measures.line_points=0")
        self.assertFalse((without / "lines").exists())
        self.check_fails(2, ["config", "check", config, "--set", "measures.line_points=2"], "measures.line_points")

    def test_divergence_is_an_error_that_names_step_and_rate(self):
        config = cli.experiment_config(cli.MLP)
        config["train"]["schedule"]["lr"] = 1e6
        self.check_fails(1, ["train", self.write("config.json", config), "--out", self.folder / "run", "--quiet"], "step",
                         "1e+06", "Lower the learning rate")


if __name__ == "__main__":
    unittest.main()

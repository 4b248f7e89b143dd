"""Output that cannot be written, or must not be: closed streams, and files that belong to something else."""
import json
import os
import shutil
import subprocess
import unittest

import cli

USAGE, FAILURE = 2, 1
EXAMPLE_THEORY = cli.Path(__file__).resolve().parents[2] / "experiments/theory/quick.json"


class Streams(cli.CliTest):
    def train(self, name, shell):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        command = f'"{cli.PROGRAM}" train "{config}" --out "{self.folder / name}" {shell}'
        return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, text=True, timeout=600)

    def test_what_cannot_be_said_does_not_end_a_run(self):
        self.assertEqual(self.train("full", "2>/dev/full").returncode, 0)
        self.assertEqual(cli.read_json(self.folder / "full/status.json")["state"], "done")

    def test_a_reader_that_goes_does_not_end_a_run(self):
        self.train("piped", "2>&1 | head -n 1")
        self.assertEqual(cli.read_json(self.folder / "piped/status.json")["state"], "done")

    def test_an_error_that_cannot_be_said_has_its_exit_code(self):
        for code, args in (USAGE, "train"), (FAILURE, f'plane "{self.folder}" --out x'):
            result = subprocess.run(["bash", "-c", f'"{cli.PROGRAM}" {args} 2>/dev/full'], stdout=subprocess.PIPE, timeout=600)
            self.assertEqual(result.returncode, code)

    def test_results_that_cannot_be_printed_are_an_error(self):
        result = self.train("printed", "--json --quiet 2>&1 >/dev/full")
        self.assertEqual(result.returncode, FAILURE)
        self.assertIn("stdout", result.stdout)

    def test_with_closed_streams_nothing_is_printed_into_files(self):
        self.assertEqual(self.train("closed", "<&- >&- 2>&-").returncode, 0)
        self.assertEqual(self.train("open", "--quiet").returncode, 0)
        closed, opened = (cli.read_trajectory(self.folder / name) for name in ("closed", "open"))
        self.assertEqual(closed[1].tobytes(), opened[1].tobytes())


class OthersFiles(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.config = self.write("config.json", cli.experiment_config(cli.MLP, branches=[]))
        self.out = self.folder / "out"

    def test_a_map_or_plane_is_not_written_over_what_is_none(self):
        cli.run_ok("train", self.config, "--out", self.out, "--quiet")
        plane = self.folder / "plane.safetensors"
        for _ in range(2):  # a plane may be overwritten
            cli.run_ok("plane", self.out, "--kind", "random", "--out", plane, "--quiet")
        files = [plane, self.out / "weights.safetensors", self.config]
        before = [file.read_bytes() for file in files]
        for file in files:
            self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", file], "is not a surface", str(file))
        for file in files[1:]:
            self.check_fails(USAGE, ["plane", self.out, "--kind", "random", "--out", file], "is not a plane", str(file))
        notes = self.folder / "notes.csv"
        notes.write_text("day,what\n1,mine\n")
        self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", notes.with_suffix(".h5")],
                         "is not a surface's table", str(notes))
        self.assertEqual(notes.read_text(), "day,what\n1,mine\n")
        for name, what in (("notes.csv", "is not a surface's table"), ("notes.unfinished.h5", "is not a surface"),
                           ("notes.unfinished.svg", "is not a figure of a map")):
            (self.folder / name).write_text("x,y\n1,2\n")  # begins as a surface's table does
            self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", notes.with_suffix(".h5")],
                             what, str(self.folder / name))
            self.assertEqual((self.folder / name).read_text(), "x,y\n1,2\n")
            (self.folder / name).unlink()
        (self.folder / "notes.unfinished.h5").mkdir()
        self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", notes.with_suffix(".h5")],
                         "notes.unfinished.h5", "not a regular file")
        self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", "/dev/full"], "not a regular file")
        for name in ("loss-0.1", "loss", "loss.csv", "loss.H5"):
            self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", self.folder / name], "ends in .h5", name)
        for folder in (self.out, f"{self.folder / 'new'}/"):
            self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", folder], "folder")
        self.check_fails(USAGE, ["landscape", "--plane", plane, "--grid", "3x3", "--out", ""], "--out")
        self.assertEqual([file.read_bytes() for file in files], before)

    def test_an_lr_range_test_is_not_written_over_its_configuration(self):
        before = self.config.read_bytes()
        self.check_fails(USAGE, ["lr-range", self.config, "--out", self.config], "CSV")
        self.check_fails(USAGE, ["lr-range", self.config, "--out", self.folder / "x.svg"], "CSV")
        self.assertEqual(self.config.read_bytes(), before)

    def test_an_lr_range_test_replaces_its_own_files_alone(self):
        notes, drawing = self.folder / "notes.csv", self.folder / "drawing.svg"
        notes.write_text("day,what\n1,mine\n")
        drawing.write_text("<svg><title>mine</title></svg>")
        for file, what in ((notes, "is not a table"), (drawing, "is not a figure")):
            before = file.read_bytes()
            self.check_fails(USAGE, ["lr-range", self.config, "--out", file.with_suffix(".csv")], what, str(file))
            self.assertEqual(file.read_bytes(), before)

    def test_a_refused_experiment_leaves_the_folder_as_it_was(self):
        cli.run_ok("experiment", self.config, "--out", self.out, "--quiet")
        before = (self.out / "config.json").read_bytes()
        self.check_fails(FAILURE, ["experiment", self.config, "--out", self.out, "--set", "train.batch=32"], "train.batch",
                         "another --out")
        self.check_fails(FAILURE, ["theory", EXAMPLE_THEORY, "--out", self.out], "another --out")
        self.assertEqual((self.out / "config.json").read_bytes(), before)

    def test_a_folder_that_cannot_be_made_is_told_before_a_study(self):
        self.check_fails(FAILURE, ["theory", EXAMPLE_THEORY, "--out", self.config / "x"], "cannot create the folder")

    def test_an_experiment_of_several_seeds_does_not_become_one_of_one(self):
        experiment = ["experiment", self.config, "--out", self.out, "--quiet"]
        cli.run_ok(*experiment, "--set", "seeds=[1,2]")
        before = (self.out / "config.json").read_bytes()
        for args in ([], ["--seed", "1"]):
            self.check_fails(FAILURE, [*experiment, *args], "several seeds", "another --out")
        self.assertEqual((self.out / "config.json").read_bytes(), before)
        self.assertFalse((self.out / "main").exists())

    def test_a_branch_of_another_configuration_leaves_the_folder_as_it_was(self):
        config = self.write("branches.json", cli.experiment_config(cli.MLP))
        cli.run_ok("experiment", config, "--out", self.out, "--quiet")
        before = (self.out / "config.json").read_bytes()
        for change, word in (("branches.0.schedule.lr=0.5", "train.schedule.lr"), ("branches.1.epochs=0.8", "train.epochs")):
            self.check_fails(FAILURE, ["experiment", config, "--out", self.out, "--set", change], word, "another --out")
            self.assertEqual((self.out / "config.json").read_bytes(), before)
        cli.run_ok("experiment", config, "--out", self.out, "--quiet")

    def test_a_run_and_an_experiment_share_no_folder(self):
        cli.run_ok("train", self.config, "--out", self.out, "--quiet")
        self.check_fails(FAILURE, ["experiment", self.config, "--out", self.out], "holds a run", "another --out")
        self.assertFalse((self.out / "config.json").exists())
        other = self.folder / "other"
        cli.run_ok("experiment", self.config, "--out", other, "--quiet")
        self.check_fails(FAILURE, ["train", self.config, "--out", other], "holds an experiment", "another --out")
        cli.run_ok("experiment", self.config, "--out", other, "--quiet")

    def test_branches_are_compared_before_a_new_main_path_trains(self):
        config = self.write("branches.json", cli.experiment_config(cli.MLP))
        cli.run_ok("experiment", config, "--out", self.out, "--quiet")
        before = (self.out / "config.json").read_bytes()
        shutil.rmtree(self.out / "main")
        self.check_fails(FAILURE, ["experiment", config, "--out", self.out, "--set", "train.optimizer.momentum=0.5"], "decay-at-1",
                         "train.optimizer.momentum", "another --out")
        self.assertFalse((self.out / "main").exists())
        self.assertEqual((self.out / "config.json").read_bytes(), before)
        cli.run_ok("experiment", config, "--out", self.out, "--quiet")

    def test_a_study_is_not_written_over_another(self):
        small = ["--quiet", "--out", self.out, "--set", "theory.steps=50", "--set", "theory.decay_times=[10]"]
        cli.run_ok("theory", EXAMPLE_THEORY, *small)
        before = {file: file.read_bytes() for file in self.out.rglob("*") if file.is_file()}
        for change, word in (("theory.gamma=2", "theory.gamma: 1"), ("theory.decay_times=[10,20]", "theory.decay_times: [10]")):
            self.check_fails(FAILURE, ["theory", EXAMPLE_THEORY, *small[1:], "--set", change], word, "another --out")
        self.assertEqual({file: file.read_bytes() for file in self.out.rglob("*") if file.is_file()}, before)
        cli.run_ok("theory", EXAMPLE_THEORY, *small, "--threads", "1")

    def test_an_lr_range_test_begins_where_it_can_write(self):
        for out, word in ((self.config / "lr.csv", "cannot create"), (self.folder, "CSV")):
            self.check_fails(FAILURE if word != "CSV" else USAGE, ["lr-range", self.config, "--out", out], word)
        folder = self.folder / "lr.csv"
        folder.mkdir()
        self.check_fails(USAGE, ["lr-range", self.config, "--out", folder], "folder")
        self.check_fails(FAILURE, ["lr-range", self.config, "--out", "/proc/lr.csv"], "cannot create /proc/lr.csv: ")

    def test_a_plane_is_made_where_it_can_be_written(self):
        cli.run_ok("train", self.config, "--out", self.out, "--quiet")
        self.check_fails(FAILURE, ["plane", self.out, "--out", "/proc/plane"], "cannot create /proc/plane: ")

    def test_a_theory_folder_takes_no_experiment(self):
        self.out.mkdir()
        (self.out / "config.json").write_text('{"theory": {}}')
        self.check_fails(FAILURE, ["experiment", self.config, "--out", self.out], "theory", "another --out")

    def test_checkpoints_without_their_run_are_refused(self):
        cli.run_ok("train", self.config, "--out", self.out, "--quiet", "--set", "train.keep_last=2")
        os.remove(self.out / "run.json")
        self.check_fails(FAILURE, ["train", self.config, "--out", self.out, "--set", "train.epochs=1"], "run.json")

    def test_too_few_snapshots_for_a_plane_are_told_before_the_training(self):
        none = [arg for key in ("every_steps", "every_epochs", "around_rate_change") for arg in ("--set", f"train.snapshots.{key}=0")]
        self.check_fails(USAGE, ["experiment", self.config, "--out", self.out, *none], "train.snapshots", "three snapshots")
        self.assertFalse(self.out.exists())

    def test_a_map_without_a_finite_loss_is_written_and_told(self):
        cli.run_ok("train", self.config, "--out", self.out, "--quiet")
        plane, surface = self.folder / "plane.safetensors", self.folder / "far.h5"
        cli.run_ok("plane", self.out, "--kind", "random", "--out", plane, "--quiet")
        far = ["landscape", "--plane", plane, "--out", surface, "--grid", "2x2", "--range=1e38:2e38,1e38:2e38", "--quiet"]
        told = json.loads(cli.run_ok(*far, "--json"))
        self.assertIsNone(told["train_loss"])
        said = cli.run_ok(*far)
        self.assertIn("no point has a finite train_loss", said)
        self.assertIn("4 of 4 points have a value that is not finite", said)
        self.assertEqual(told["not_finite"], 4)
        lines = surface.with_suffix(".csv").read_text().splitlines()
        self.assertEqual(len(lines), 5)
        self.assertNotIn("-nan", lines[1])

    def test_too_many_images_of_a_map_are_told_before_the_training(self):
        for key, count in (("train_images", 301), ("test_images", 101)):
            self.check_fails(USAGE, ["experiment", self.config, "--out", self.out, "--set", f"landscape.{key}={count}"],
                             f"landscape.{key}", str(count - 1))
        self.assertFalse((self.out / "main").exists())


if __name__ == "__main__":
    unittest.main()

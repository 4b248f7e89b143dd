"""Damaged files: the error names each in one line, and nothing is computed from it."""
import json
import shutil
import unittest

import h5py
import numpy as np

import cli
import safetensors_file


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x40
    path.write_bytes(content)


class Damage(cli.CliTest):
    @classmethod
    def setUpClass(cls):
        scratch = cli.class_folder(cls)
        cls.whole, cls.config = scratch / "whole", scratch / "config.json"
        cls.config.write_text(json.dumps(cli.experiment_config(cli.MLP)))
        cli.run_ok("experiment", cls.config, "--out", cls.whole, "--quiet")

    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        shutil.copytree(self.whole, self.out)
        self.experiment = ["experiment", self.config, "--out", self.out, "--quiet"]

    def test_a_damaged_plane_is_named(self):
        plane = self.out / "planes/pca.safetensors"
        tensors, metadata = safetensors_file.read(plane)
        landscape = ["landscape", "--plane", plane, "--grid", "2x2", "--out", self.folder / "s.h5", "--quiet"]

        def check(*words):
            self.check_fails(1, landscape, "pca.safetensors", *words)
            self.check_fails(1, self.experiment, "pca.safetensors", *words)
        cut(plane, plane.stat().st_size - 4)
        check()
        cut(plane, 5)
        check()
        for key in ("layout", "plane"):
            safetensors_file.write(plane, tensors, {k: v for k, v in metadata.items() if k != key})
            check(key)
        safetensors_file.write(plane, {k: v for k, v in tensors.items() if k != "d2"}, metadata)
        check("d2")
        safetensors_file.write(plane, {**tensors, "d1": tensors["d1"][:-1]}, metadata)
        check("d1")
        tensors["d1"][7] = np.nan
        safetensors_file.write(plane, tensors, metadata)
        check("d1", "finite")

    def test_a_flipped_bit_of_a_plane_is_found(self):
        plane = self.out / "planes/pca.safetensors"
        before = plane.read_bytes()
        flip(plane, plane.stat().st_size // 2)
        self.check_fails(1, ["landscape", "--plane", plane, "--out", self.folder / "s.h5"], "pca.safetensors", "damaged")
        self.check_fails(1, self.experiment, "pca.safetensors", "damaged", "remove", "run again")
        plane.unlink()
        cli.run_ok(*self.experiment)
        self.assertEqual(plane.read_bytes(), before)

    def test_a_trajectory_that_lacks_its_end_makes_no_plane(self):
        index, plane = self.out / "main/trajectory/index.log", self.out / "planes/pca.safetensors"
        before = plane.read_bytes()
        cut(index, index.stat().st_size - 20)
        for command in (self.experiment, ["plane", self.out, "--out", self.folder / "p.safetensors"]):
            self.check_fails(1, command, "index.log", "snapshots, but the run took", "remove")
        self.assertEqual(plane.read_bytes(), before)

    def test_a_damaged_snapshot_is_not_drawn_a_line_from(self):
        rows = self.out / "main/trajectory/weights.f32"
        step = cli.read_trajectory(self.out / "main")[0][1]["step"]
        flip(rows, rows.stat().st_size // len(cli.read_trajectory(self.out / "main")[0]) + 40)
        line = ["plane", f"{self.out / 'main'}@{step}", self.out / "main", "--kind", "line", "--out", self.folder / "line"]
        self.check_fails(1, line, "row 1", "weights.f32 is damaged")
        self.assertFalse((self.folder / "line").exists())

    def test_a_damaged_index_costs_no_row(self):
        index, rows = self.out / "main/trajectory/index.log", self.out / "main/trajectory/weights.f32"
        (self.out / "main/weights.safetensors").unlink()  # so that the run is taken up again
        whole, before = index.read_bytes(), rows.read_bytes()
        flip(index, len(whole) // 3)
        self.check_fails(1, self.experiment, "index.log is damaged", "restore the file")
        self.assertEqual(rows.read_bytes(), before)
        index.write_bytes(whole)
        cli.run_ok(*self.experiment)
        self.assertEqual((index.read_bytes(), rows.read_bytes()), (whole, before))

    def test_a_damaged_surface_is_named(self):
        surface = self.out / "surfaces/pca.h5"
        for content in (b"", b"not HDF5", surface.read_bytes()[:1000]):
            surface.write_bytes(content)
            self.check_fails(1, ["report", self.out], "pca.h5", "remove")
            self.check_fails(1, self.experiment, "pca.h5", "remove", "run again")
        surface.unlink()
        cli.run_ok(*self.experiment)
        self.assertTrue(surface.exists())

    def test_damaged_measures_are_named_and_made_anew(self):
        measures = self.out / "main/measures.json"
        before = measures.read_bytes()
        measures.write_text("{")
        self.check_fails(1, self.experiment, "measures.json", "remove", "run again")
        measures.write_text("[]")  # has no request
        cli.run_ok(*self.experiment)
        self.assertEqual(measures.read_bytes(), before)

    def test_weights_that_are_gone_or_damaged_are_made_anew(self):
        weights = self.out / "main/weights.safetensors"
        before = weights.read_bytes()
        (self.out / "main/measures.json").unlink()
        cut(weights, weights.stat().st_size - 1)
        self.check_fails(1, self.experiment, "weights.safetensors", "and run again to rebuild it")
        weights.unlink()
        cli.run_ok(*self.experiment)
        self.assertEqual(weights.read_bytes(), before)
        self.assertEqual(cli.read_json(self.out / "main/measures.json"), cli.read_json(self.whole / "main/measures.json"))

    def test_what_lies_beside_a_map_does_not_end_it(self):
        (self.out / "surfaces/other.h5").write_text("no map")
        surface = self.out / "surfaces/pca.h5"
        before = surface.with_suffix(".csv").read_bytes()
        surface.unlink()
        line = next((self.out / "lines").glob("*.h5"))
        line.unlink()
        self.check_fails(1, self.experiment, "other.h5")  # reported at the end, after everything is computed
        self.assertTrue(surface.exists() and line.exists())
        self.assertEqual(surface.with_suffix(".csv").read_bytes(), before)

    def test_a_surface_without_its_values_is_named(self):
        surface = self.out / "surfaces/pca.h5"
        with h5py.File(surface, "r+") as file:
            del file["ycoordinates"]
        self.check_fails(1, ["report", self.out], "pca.h5", "ycoordinates")

    def test_damaged_weights_are_named(self):
        weights = self.out / "main/weights.safetensors"
        cut(weights, weights.stat().st_size - 1)
        self.check_fails(1, ["evaluate", "--weights", weights], "weights.safetensors")
        flip(weights, 0)
        self.check_fails(1, ["evaluate", "--weights", weights], "weights.safetensors")

    def test_a_damaged_row_of_a_trajectory_is_named(self):
        rows = self.out / "main/trajectory/weights.f32"
        plane = ["plane", self.out, "--out", self.folder / "p"]
        flip(rows, rows.stat().st_size // 2)
        self.check_fails(1, plane, "weights.f32", "step")
        cut(rows, rows.stat().st_size // 2)
        self.check_fails(1, plane, "weights.f32")
        rows.unlink()
        self.check_fails(1, plane, "weights.f32")

    def test_a_damaged_checkpoint_is_named(self):
        run = self.out / "main"
        (run / "status.json").unlink()  # as if the run had been killed after its last checkpoint
        for checkpoint in (run / "checkpoints").iterdir():
            cut(checkpoint, 100)
        self.check_fails(1, self.experiment, "checkpoints/step-000000010.safetensors")

    def test_before_a_damaged_checkpoint_an_older_one_is_named(self):
        run = self.folder / "run"
        train = ["train", self.config, "--out", run, "--quiet", "--set", "train.keep_last=2"]
        cli.run_ok(*train)
        before = (run / "weights.safetensors").read_bytes()
        for name in ("status.json", "weights.safetensors"):
            (run / name).unlink()
        last = run / "checkpoints/step-000000010.safetensors"
        flip(last, last.stat().st_size - 100)
        self.check_fails(1, train, f"remove {last} to continue from step 7")
        last.unlink()
        cli.run_ok(*train)
        self.assertEqual((run / "weights.safetensors").read_bytes(), before)

    def test_metrics_shorter_than_the_checkpoint_knows_are_named(self):
        (self.out / "main/status.json").unlink()
        cut(self.out / "main/metrics.jsonl", 20)
        self.check_fails(1, self.experiment, "metrics.jsonl")

    def test_a_damaged_status_or_description_is_named(self):
        for name in ("status.json", "run.json"):
            with self.subTest(name=name):
                file = self.out / "main" / name
                before = file.read_bytes()
                for content in (b"", b"{", b"[]", b"{}"):
                    file.write_bytes(content)
                    self.check_fails(1, self.experiment, f"main/{name}")
                file.write_bytes(before)

    def test_a_description_whose_seed_is_no_number_is_named(self):
        file = self.out / "main/run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"seed": "1"}))
        self.check_fails(1, ["plane", self.out, "--out", self.folder / "p.safetensors"], "main/run.json is damaged")

    def test_a_journal_that_is_none_is_named(self):
        journal = self.folder / "s.h5.journal"
        plane = self.out / "planes/pca.safetensors"
        landscape = ["landscape", "--plane", plane, "--grid", "2x2", "--out", self.folder / "s.h5", "--quiet"]
        journal.write_text("something else entirely")
        self.check_fails(1, landscape, "s.h5.journal")
        self.assertEqual(journal.read_text(), "something else entirely")


if __name__ == "__main__":
    unittest.main()

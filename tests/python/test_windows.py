"""Planes of the windows of a path, their maps and the report, by running the program."""
import json
import unittest
from pathlib import Path

import numpy as np

import cli

WINDOWS = 2
FILES = [f"pca.w{k}of{WINDOWS}" for k in (1, 2)]
PARTS = [slice(0, 5), slice(4, 8)]  # of the main path's eight snapshots, steps 0, 2, 4, 5, 6, 7, 8 and 10


class Windows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = cli.class_folder(cls)
        cls.config, cls.out = cls.scratch / "config.json", cls.scratch / "out"
        cls.config.write_text(json.dumps(cli.experiment_config(cli.MLP, plane={"windows": WINDOWS})))
        cls.run_experiment()

    @classmethod
    def run_experiment(cls, *flags):
        cli.run_ok("experiment", cls.config, "--out", cls.out, "--quiet", *flags)

    def plane(self, name):
        return cli.read_plane(self.out / "planes" / f"{name}.safetensors")

    def test_each_plane_is_that_of_a_principal_component_analysis_of_its_snapshots(self):
        index, weights, _ = cli.read_trajectory(self.out / "main")
        steps = [record["step"] for record in index]
        whole = weights.astype(np.float64) - weights.astype(np.float64).mean(0)
        directions = np.linalg.svd(whole, full_matrices=False)[2][:2]
        off_one = np.linalg.norm(whole - whole @ directions.T @ directions, axis=1)
        for name, part, number in zip(FILES, PARTS, (1, 2)):
            rows = weights[part].astype(np.float64)
            centred = rows - rows.mean(0)
            _, singular, axes = np.linalg.svd(centred, full_matrices=False)
            plane, about = self.plane(name)
            np.testing.assert_allclose(plane["origin"], rows.mean(0), rtol=0, atol=1e-6)
            self.assertAlmostEqual(abs(axes[0] @ plane["d1"]), 1, delta=1e-5)
            self.assertAlmostEqual(abs(axes[1] @ plane["d2"]), 1, delta=1e-5)
            provenance = about["plane"]["provenance"]
            np.testing.assert_allclose(provenance["explained_variance"], (singular**2 / (singular**2).sum())[:2], rtol=1e-5)
            window = provenance["window"]
            self.assertEqual((window["number"], window["of"], window["run"]), (number, WINDOWS, "main"))
            self.assertEqual([window["first_step"], window["last_step"]], [steps[part][0], steps[part][-1]])
            self.assertAlmostEqual(window["rms_off_plane"], np.sqrt((singular[2:]**2).sum() / len(rows)), delta=1e-5)
            self.assertAlmostEqual(window["one_plane_rms_off_plane"], np.sqrt((off_one[part]**2).mean()), delta=1e-5)
            self.assertAlmostEqual(window["rms_spread"], np.sqrt((whole**2).sum(1).mean()), delta=1e-5)
            # All runs are projected, including branches and the rest of the main path.
            self.assertEqual({point["run"] for point in about["plane"]["path"]}, set(cli.RUNS))

    def test_each_map_holds_its_part_of_the_path(self):
        for name in FILES:
            surface, notes = cli.read_surface(self.out / "surfaces" / f"{name}.h5")
            window = notes["provenance"]["window"]
            own = [p for p in notes["path"] if p["run"] == "main" and window["first_step"] <= p["step"] <= window["last_step"]]
            for axis, key in (("x", "xcoordinates"), ("y", "ycoordinates")):
                values = [point[axis] for point in own]
                margin = 0.2 * (max(values) - min(values))
                np.testing.assert_allclose(surface[key][[0, -1]], [min(values) - margin, max(values) + margin], rtol=1e-12, atol=1e-15)

    def test_the_report_shows_them_in_turn(self):
        page = (self.out / "report.html").read_text()
        self.assertIn("Along the path", page)
        self.assertIn("pca plane, window 2 of 2", page)
        self.assertTrue((self.out / f"figures/surface-windows-{WINDOWS}.svg").exists())

    def test_what_is_there_is_not_made_again(self):
        files = [self.out / "planes" / f"{name}.safetensors" for name in FILES] + [self.out / "surfaces" / f"{name}.h5" for name in FILES]
        before = [file.stat().st_mtime_ns for file in files]
        self.run_experiment()
        self.assertEqual([file.stat().st_mtime_ns for file in files], before)
        files[3].unlink()
        self.run_experiment()
        self.assertEqual([file.stat().st_mtime_ns for file in files[:3]], before[:3])
        self.assertTrue(files[3].exists())

    def test_commands_make_the_same_planes_and_maps(self):
        plane, out = self.scratch / "plane.safetensors", self.scratch / "map.h5"
        told = json.loads(cli.run_ok("plane", self.out, "--windows", WINDOWS, "--out", plane, "--json"))
        self.assertEqual([Path(window["file"]).name for window in told["windows"]],
                         ["plane.w1of2.safetensors", "plane.w2of2.safetensors"])
        for window, name in zip(told["windows"], FILES):
            tensors = self.plane(name)[0]
            for key, values in cli.read_plane(window["file"])[0].items():
                self.assertEqual(values.tobytes(), tensors[key].tobytes())
        flags = ["--plane", plane, "--windows", WINDOWS, "--grid", "5x4", "--bn-images", 50, "--train-images", 130,
                 "--test-images", 60, "--out", out, "--quiet"]
        maps = json.loads(cli.run_ok("landscape", *flags, "--json"))
        self.assertEqual([entry["points"] for entry in maps], [20, 20])
        for k, name in enumerate(FILES, 1):
            self.assertEqual((self.scratch / f"map.w{k}of2.csv").read_bytes(), (self.out / f"surfaces/{name}.csv").read_bytes())
        written = Path(maps[0]["file"]).stat().st_mtime_ns
        cli.run_ok("landscape", *flags)
        self.assertEqual(Path(maps[0]["file"]).stat().st_mtime_ns, written)

    def test_windows_files_that_are_none_are_not_written_over(self):
        plane, out = self.scratch / "kept.safetensors", self.scratch / "kept.h5"
        for name, words, args in [
                ("kept.w2of2.safetensors", "is not a plane", ["plane", self.out, "--out", plane]),
                ("kept.w2of2.h5", "is not a surface", ["landscape", "--plane", self.out / "planes/pca.safetensors", "--out", out])]:
            file = self.scratch / name
            file.write_text("mine")
            result = cli.run(*args, "--windows", WINDOWS)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(words, result.stderr)
            self.assertIn(str(file), result.stderr)
            self.assertEqual(file.read_text(), "mine")
        self.assertEqual(sorted(file.name for file in self.scratch.glob("kept*")), ["kept.w2of2.h5", "kept.w2of2.safetensors"])

    def test_too_many_windows_leave_the_plane_as_it_was(self):
        plane = self.scratch / "before.safetensors"
        cli.run_ok("plane", self.out, "--out", plane)
        before = plane.read_bytes()
        result = cli.run("plane", self.out, "--origin", "final", "--windows", 3, "--out", plane)
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertIn("use at most 2 windows", result.stderr)
        self.assertEqual(plane.read_bytes(), before)

    def test_what_cannot_be_is_an_error_that_says_so(self):
        plane = self.scratch / "none.safetensors"
        for code, args, words in [
                (1, ["plane", self.out, "--windows", 3, "--out", plane], "use at most 2 windows"),
                (2, ["experiment", self.config, "--out", self.scratch / "untrained", "--set", "plane.windows=3"], "use at most 2 windows"),
                (2, ["plane", self.out, "--windows", 1, "--out", plane], "windows"),
                (2, ["plane", self.out, "--windows", 2, "--kind", "random", "--out", plane], "pca"),
                (1, ["landscape", "--plane", self.out / "planes/pca.safetensors", "--windows", 3, "--out", "x.h5"], "w1of3"),
                (2, ["landscape", "--plane", plane, "--windows", 2, "--dry-run"], "--dry-run"),
                (2, ["landscape", "--plane", plane, "--windows", 2, "--out", self.scratch], "surface.h5"),
                (2, ["landscape", "--plane", plane, "--windows", 2, "--out", self.scratch / "maps"], "surface.h5"),
                (2, ["config", "check", self.config, "--set", "plane.windows=1"], "plane.windows"),
                (2, ["config", "check", self.config, "--set", "plane.kind=random"], "plane.windows")]:
            with self.subTest(args=args):
                result = cli.run(*args)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(words, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertFalse((self.scratch / "untrained/main").exists())


if __name__ == "__main__":
    unittest.main()

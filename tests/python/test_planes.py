"""Compares planes, and the paths on them, with PyTorch and numpy."""
import json
import unittest

import numpy as np

import cli
import reference_models
from mapped_experiment import MappedExperiment


class Planes(MappedExperiment):
    def snapshots(self):
        """Returns [(run, step)] and the rows [T, P] of all runs, one after another, each including its fork point."""
        names, rows = [], []
        for name, folder in cli.RUNS.items():
            index, weights, _ = cli.read_trajectory(self.out / folder)
            names += [(name, record["step"]) for record in index]
            rows.append(weights.astype(np.float64))
        return names, np.concatenate(rows)

    def test_plane_is_that_of_a_principal_component_analysis(self):
        names, rows = self.snapshots()
        forks = {("decay-at-1", 5), ("late", 7)}  # duplicates of points on the main path
        distinct = rows[[name not in forks for name in names]]
        centred = distinct - distinct.mean(0)
        _, singular, directions = np.linalg.svd(centred, full_matrices=False)
        self.assertEqual({key: self.plane[key].dtype for key in self.plane}, {key: np.dtype("<f4") for key in self.plane})
        np.testing.assert_allclose(self.plane["origin"], distinct.mean(0), rtol=0, atol=1e-6)
        for k, key in enumerate(("d1", "d2")):
            self.assertAlmostEqual(abs(directions[k] @ self.plane[key]), 1, delta=1e-5)
            projections = centred @ self.plane[key]
            self.assertGreater(projections[np.abs(projections).argmax()], 0, "the farthest row lies on the positive side")
        d1, d2 = self.plane["d1"].astype(np.float64), self.plane["d2"].astype(np.float64)
        np.testing.assert_allclose([d1 @ d1, d2 @ d2, d1 @ d2], [1, 1, 0], rtol=0, atol=1e-6)
        provenance = self.about["plane"]["provenance"]
        np.testing.assert_allclose(provenance["explained_variance"], (singular**2 / (singular**2).sum())[:2], rtol=1e-5)
        self.assertEqual(provenance["num_snapshots"], len(distinct))

    def test_path_holds_the_projection_of_every_snapshot(self):
        names, rows = self.snapshots()
        path = self.about["plane"]["path"]
        self.assertEqual([(point["run"], point["step"]) for point in path], names)
        basis = np.stack([self.plane["d1"], self.plane["d2"]]).astype(np.float64)
        away = rows - self.plane["origin"]
        coordinates = away @ basis.T
        scale = np.abs(coordinates).max()
        np.testing.assert_allclose([[p["x"], p["y"]] for p in path], coordinates, rtol=0, atol=2e-6 * scale)
        off_plane = np.linalg.norm(away - coordinates @ basis, axis=1)
        np.testing.assert_allclose([p["off_plane"] for p in path], off_plane, rtol=1e-5, atol=1e-6 * scale)

    def test_layout_is_the_state_dict_s_order(self):
        model = reference_models.make(**cli.VGG)
        expected = [(name, list(p.shape)) for name, p in model.named_parameters()]
        self.assertEqual([(entry["name"], entry["shape"]) for entry in self.about["layout"]], expected)
        self.assertEqual(self.plane["origin"].shape, (sum(p.numel() for p in model.parameters()),))

    def test_origin_may_be_the_first_or_the_final_weights(self):
        _, weights, buffers = cli.read_trajectory(self.out / "main")
        for origin, row in (("first", 0), ("final", -1)):
            file = self.scratch / f"{origin}.plane"
            cli.run_ok("plane", self.out, "--origin", origin, "--out", file)
            plane, _ = cli.read_plane(file)
            self.assertEqual(plane["origin"].tobytes(), weights[row].tobytes())
            self.assertEqual(plane["buffers"].tobytes(), buffers[row].tobytes())

    def test_random_directions_are_filter_normalised(self):
        file, again, other = (self.scratch / name for name in ("random", "random-again", "random-other"))
        for out, seed in ((file, 3), (again, 3), (other, 4)):
            cli.run_ok("plane", self.out / "main", "--kind", "random", "--seed", seed, "--out", out)
        self.assertEqual(file.read_bytes(), again.read_bytes())
        self.assertNotEqual(file.read_bytes(), other.read_bytes())
        plane, about = cli.read_plane(file)
        self.assertLess(abs(about["plane"]["provenance"]["cosine"]), 0.05)
        for entry in about["layout"]:
            part = slice(entry["offset"], entry["offset"] + int(np.prod(entry["shape"])))
            for direction in (plane["d1"][part], plane["d2"][part]):
                if len(entry["shape"]) == 1:
                    self.assertFalse(direction.any(), entry["name"])
                    continue
                lengths = [np.linalg.norm(v.reshape(entry["shape"][0], -1), axis=1) for v in (direction, plane["origin"][part])]
                np.testing.assert_allclose(*lengths, rtol=1e-5, err_msg=entry["name"])

    def test_a_run_that_is_named_twice_counts_once(self):
        once, twice = self.scratch / "once", self.scratch / "twice"
        cli.run_ok("plane", self.out, "--out", once)
        cli.run_ok("plane", self.out, f"{self.out}/main/", self.out, "--out", twice)
        self.assertEqual(once.read_bytes(), twice.read_bytes())

    def test_trainings_of_one_seed_are_told_apart(self):
        config, folder = cli.experiment_config(cli.MLP, branches=[]), self.scratch / "trainings"
        folder.mkdir()
        slow = folder / "slow"
        for run, lr in ((folder / "fast", 0.1), (slow, 0.01), (folder / "other/slow", 0.02)):
            config["train"]["schedule"] = {"kind": "constant", "lr": lr}
            file = folder / "config.json"
            file.write_text(json.dumps(config))
            cli.run_ok("train", file, "--out", run, "--quiet")
        plane = folder / "plane"
        cli.run_ok("plane", folder / "fast", slow, "--out", plane, "--windows", 2)
        path = cli.read_plane(plane)[1]["plane"]["path"]
        steps = [record["step"] for record in cli.read_trajectory(slow)[0]]
        self.assertEqual([(p["run"], p["step"]) for p in path], [(run, step) for run in ("main", "slow") for step in steps])
        self.assertEqual([path[0][key] for key in "xy"], [path[len(steps)][key] for key in "xy"])
        average = config | {"train": config["train"] | {"average": {"kind": "ema", "decay": 0.9, "start_epoch": 1}}}
        file.write_text(json.dumps(average))
        cli.run_ok("train", file, "--out", folder / "averaged", "--quiet")
        cli.run_ok("plane", slow, folder / "averaged", "--out", plane)
        self.assertEqual({p["run"] for p in cli.read_plane(plane)[1]["plane"]["path"]}, {"main", "averaged", "averaged-average"})
        (folder / "fast").rename(folder / "lr=1,fast")
        refused = cli.run("plane", slow, folder / "lr=1,fast", "--out", plane)
        self.assertEqual((refused.returncode, "rename the folder" in refused.stderr), (1, True), refused.stderr)
        (folder / "lr=1,fast").rename(folder / "fast")
        refused = cli.run("plane", folder / "fast", slow, folder / "other/slow", "--out", plane)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("both would be named 'slow'", refused.stderr)

    def test_a_plane_through_three_points_holds_them(self):
        file = self.scratch / "points"
        sources = [self.out / "main", self.out / "branches/late/weights.safetensors", f"{self.out}/main@4"]
        cli.run_ok("plane", *sources, "--kind", "points", "--out", file)
        plane, about = cli.read_plane(file)
        index, main, _ = cli.read_trajectory(self.out / "main")
        expected = [main[-1], cli.read_trajectory(self.out / "branches/late")[1][-1],
                    main[[record["step"] for record in index].index(4)]]
        for point, weights in zip(about["plane"]["path"], expected):
            at_point = plane["origin"] + point["x"] * plane["d1"] + point["y"] * plane["d2"]
            np.testing.assert_allclose(at_point, weights, rtol=0, atol=2e-6)
            self.assertLess(point["off_plane"], 1e-4)

    def test_weights_of_other_pixels_share_no_line(self):
        def trained(name, **data):
            config = cli.experiment_config(cli.MLP, cli.SYNTHETIC | data, branches=[])
            path, out = self.scratch / f"{name}.json", self.scratch / name
            path.write_text(json.dumps(config))
            cli.run_ok("train", path, "--out", out, "--quiet")
            return out
        plain, fewer = trained("plain"), trained("fewer", train_images=200)
        other = trained("other", normalisation={"mean": [0.5] * 3, "std": [0.5] * 3})
        out = self.scratch / "line.safetensors"
        refused = cli.run("plane", plain, other, "--kind", "line", "--out", out)
        self.assertEqual((refused.returncode, out.exists()), (1, False))
        self.assertIn("different normalisations", refused.stderr)
        noted = cli.run("plane", plain, fewer, "--kind", "line", "--out", out)
        self.assertEqual((noted.returncode, out.exists()), (0, True))
        self.assertIn("different images", noted.stderr)
        self.assertEqual(cli.run("plane", plain, "--out", out).stderr, "")
        change = 'data.normalisation={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}'
        cli.run_ok("evaluate", "--weights", other, "--set", change)
        refused = cli.run("evaluate", "--weights", plain, "--set", change)
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertIn("data.normalisation", refused.stderr)

    def test_an_origin_is_for_a_principal_component_analysis(self):
        for flags in (["--kind", "random", "--origin", "final"], ["--origin", "nowhere"]):
            refused = cli.run("plane", self.out / "main", *flags, "--out", self.scratch / "none.safetensors")
            self.assertEqual((refused.returncode, refused.stdout), (2, ""))
            self.assertIn("--origin", refused.stderr)

    def test_a_line_is_mapped_from_one_set_of_weights_to_another(self):
        file, out = self.scratch / "line", self.scratch / "line.h5"
        cli.run_ok("plane", f"{self.out}/main@4", self.out / "main", "--kind", "line", "--out", file)
        plane, about = cli.read_plane(file)
        first, last = about["plane"]["path"]
        np.testing.assert_allclose(plane["origin"] + last["x"] * plane["d1"], cli.read_trajectory(self.out / "main")[1][-1],
                                   rtol=0, atol=2e-6)
        self.assertEqual([first["x"], first["y"], last["y"]], [0, 0, 0])
        cli.run_ok("landscape", "--plane", file, "--train-images", 20, "--test-images", 20, "--bn-images", 10, "--out", out)
        arrays, _ = cli.read_surface(out)
        self.assertEqual(arrays["test_loss"].shape, (1, 51))
        self.assertEqual(arrays["ycoordinates"].tolist(), [0])
        refused = cli.run("landscape", "--plane", file, "--grid", "5x5", "--out", out)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("Nx1", refused.stderr)


if __name__ == "__main__":
    unittest.main()

"""Evaluations, planes and surfaces against PyTorch and numpy, on a CIFAR-10 folder of made-up images."""
import json
import signal
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch

import cli
import reference_models
import safetensors_file

RECORDS, TRAIN, TEST = 320, 300, 90
GRID_TRAIN, GRID_TEST, BN_IMAGES = 130, 60, 50  # of experiment_config
# Float32 through eleven or twenty layers, relative to the loss; the reference computes in float64.
LOSS_TOLERANCE = 1e-5
RESNET = {"name": "resnet20", "width": 0.5}


class Landscape(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = Path(scratch.name)
        cls.images = {}
        for split, (images, labels) in cli.write_cifar10(cls.scratch, RECORDS).items():
            x = reference_models.normalise(images, cli.CIFAR_MEAN, cli.CIFAR_STD)
            cls.images[split] = x, torch.from_numpy(labels)
        data = {"name": "cifar10", "path": str(cls.scratch), "train_images": TRAIN, "test_images": TEST}
        cls.config = cls.scratch / "config.json"
        cls.config.write_text(json.dumps(cli.experiment_config(cli.VGG, data)))
        cls.out = cls.scratch / "out"
        cli.run_ok("experiment", cls.config, "--out", cls.out, "--quiet")
        cls.plane_file = cls.out / "planes" / "pca.safetensors"
        cls.plane, cls.about = cli.read_plane(cls.plane_file)

    def model_at(self, x, y):
        return self.network_at(x, y, cli.VGG, self.plane, self.about)

    def network_at(self, x, y, network, plane, about):
        """The network at a point of the plane, with the plane's running statistics."""
        model = reference_models.make(**network).double().eval()
        weights = plane["origin"] + np.float64(x) * plane["d1"] + np.float64(y) * plane["d2"]
        state = model.state_dict()
        for layout, vector in ((about["layout"], weights), (about["buffer_layout"], plane["buffers"])):
            for entry in layout:
                values = vector[entry["offset"]:entry["offset"] + int(np.prod(entry["shape"]))]
                state[entry["name"]] = torch.from_numpy(values).view(entry["shape"])
        model.load_state_dict(state)
        return model

    def evaluate(self, network, split, count):
        """Mean loss, accuracy in percent."""
        images, labels = (part[:count] for part in self.images[split])
        with torch.no_grad():
            logits = network(images)
        return torch.nn.functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item() * 100

    def check_surface(self, file, network_at, counts):
        surface, _ = cli.read_surface(file)
        for j, y in enumerate(surface["ycoordinates"]):
            for i, x in enumerate(surface["xcoordinates"]):
                network = network_at(x, y)
                for split, count in counts.items():
                    loss, accuracy = self.evaluate(network, split, count)
                    where = f"{split} at column {i}, row {j}"
                    self.assertLess(abs(surface[split + "_loss"][j, i] - loss), LOSS_TOLERANCE * loss, where)
                    self.assertAlmostEqual(surface[split + "_acc"][j, i], accuracy, delta=1e-9, msg=where)
        return surface

    def landscape(self, name, *flags, plane=None):
        file = self.scratch / name
        cli.run_ok("landscape", "--plane", plane or self.plane_file, "--out", file, "--quiet", *flags)
        return file

    # Planes

    def snapshots(self):
        """[(run, step)] and the rows [T, P] of all runs in turn, fork points in each."""
        names, rows = [], []
        for name, folder in cli.RUNS.items():
            index, weights, _ = cli.read_trajectory(self.out / folder)
            names += [(name, record["step"]) for record in index]
            rows.append(weights.astype(np.float64))
        return names, np.concatenate(rows)

    def test_plane_is_that_of_a_principal_component_analysis(self):
        names, rows = self.snapshots()
        forks = {("decay-at-1", 5), ("late", 7)}  # the same points as on the main path
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

    # Surfaces

    def test_lines_between_ends_equal_pytorch(self):
        index, main, _ = cli.read_trajectory(self.out / "main")
        fork = {name: main[[record["step"] for record in index].index(step)] for name, step in (("decay-at-1", 5), ("late", 7))}
        end = {name: cli.read_trajectory(self.out / cli.RUNS[name])[1][-1] for name in fork}
        lines = {"main+decay-at-1": (fork["decay-at-1"], end["decay-at-1"], 2), "main+late": (fork["late"], end["late"], 2),
                 "decay-at-1+late": (end["decay-at-1"], end["late"], 11)}
        self.assertEqual({file.stem for file in (self.out / "lines").glob("*.h5")}, set(lines))
        for name, (first, last, count) in lines.items():
            way = last.astype(np.float64) - first
            length = np.linalg.norm(way)
            plane = {**self.plane, "origin": first, "d1": way / length, "d2": 0 * way}
            def network_at(x, y):
                network = self.network_at(x, y, cli.VGG, plane, self.about)
                reference_models.set_running_statistics(network, self.images["train"][0][:BN_IMAGES])
                return network
            surface = self.check_surface(self.out / f"lines/{name}.h5", network_at, {"train": GRID_TRAIN, "test": GRID_TEST})
            np.testing.assert_allclose(surface["xcoordinates"], np.linspace(0, length, count), rtol=1e-6)
            self.assertEqual(surface["ycoordinates"].tolist(), [0])

    def test_every_point_equals_pytorch_with_statistics_recomputed(self):
        def network_at(x, y):
            model = self.model_at(x, y)
            reference_models.set_running_statistics(model, self.images["train"][0][:BN_IMAGES])
            return model
        self.check_surface(self.out / "surfaces/pca.h5", network_at, {"train": GRID_TRAIN, "test": GRID_TEST})

    def test_every_point_of_a_residual_network_s_plane_equals_pytorch(self):
        weights, config, file = (self.scratch / f"resnet.{kind}" for kind in ("safetensors", "json", "plane"))
        model = reference_models.randomise(reference_models.make(**RESNET))
        safetensors_file.write(weights, {name: value.numpy() for name, value in model.state_dict().items()})
        config.write_text(json.dumps(json.loads(self.config.read_text()) | {"model": RESNET}))
        cli.run_ok("plane", weights, "--config", config, "--kind", "random", "--seed", 7, "--out", file)
        plane, about = cli.read_plane(file)
        def network_at(x, y):
            network = self.network_at(x, y, RESNET, plane, about)
            reference_models.set_running_statistics(network, self.images["train"][0][:BN_IMAGES])
            return network
        surface = self.landscape("resnet.h5", "--grid", "4x3", "--range=-1:1,-1:1", "--bn-images", BN_IMAGES, "--train-images",
                                 GRID_TRAIN, "--test-images", GRID_TEST, plane=file)
        self.check_surface(surface, network_at, {"train": GRID_TRAIN, "test": GRID_TEST})

    def test_every_point_equals_pytorch_with_the_statistics_of_the_origin(self):
        file = self.landscape("origin.h5", "--bn", "origin", "--grid", "4x3", "--test-images", 77)
        self.check_surface(file, self.model_at, {"train": TRAIN, "test": 77})

    def test_every_point_equals_pytorch_with_the_statistics_of_each_batch(self):
        def network_at(x, y):
            model = self.model_at(x, y).train()
            return lambda images: torch.cat([model(batch) for batch in images.split(BN_IMAGES)])
        file = self.landscape("batch.h5", "--bn", "batch", "--bn-images", BN_IMAGES, "--grid", "3x2", "--train-images",
                              GRID_TRAIN, "--test-images", GRID_TEST)
        self.check_surface(file, network_at, {"train": GRID_TRAIN, "test": GRID_TEST})

    def test_the_grid_takes_its_range_or_fits_the_path(self):
        surface, notes = cli.read_surface(self.out / "surfaces/pca.h5")
        for axis, key in (("x", "xcoordinates"), ("y", "ycoordinates")):
            values = [point[axis] for point in notes["path"]]
            low, high, margin = min(values), max(values), 0.2 * (max(values) - min(values))
            count = len(surface[key])
            np.testing.assert_allclose(surface[key], np.linspace(low - margin, high + margin, count), rtol=1e-12, atol=1e-15)
        file = self.landscape("range.h5", "--range=-0.25:0.5,1:2", "--grid", "4x2", "--splits", "test", "--test-images", 10)
        surface, _ = cli.read_surface(file)
        np.testing.assert_allclose(surface["xcoordinates"], [-0.25, 0, 0.25, 0.5], rtol=0, atol=1e-15)
        np.testing.assert_array_equal(surface["ycoordinates"], [1, 2])
        self.assertNotIn("train_loss", surface)

    def test_the_same_settings_give_the_experiment_s_surface_to_the_bit(self):
        file = self.landscape("again.h5", "--grid", "5x4", "--bn-images", BN_IMAGES, "--train-images", GRID_TRAIN,
                              "--test-images", GRID_TEST)
        self.assertEqual(file.with_suffix(".csv").read_bytes(), (self.out / "surfaces/pca.csv").read_bytes())

    def test_the_origin_of_the_grid_is_a_plain_evaluation(self):
        plane = self.scratch / "final.plane"
        cli.run_ok("plane", self.out, "--origin", "final", "--out", plane)
        surface, _ = cli.read_surface(self.landscape("one.h5", "--grid", "1x1", "--range=-1:1,-1:1", "--bn", "origin", plane=plane))
        final = cli.read_json(self.out / "main/status.json")["final"]
        for split in ("train", "test"):
            self.assertEqual(surface[split + "_loss"][0, 0], final[split + "_loss"])
            self.assertAlmostEqual(surface[split + "_acc"][0, 0], 100 * final[split + "_accuracy"], delta=1e-9)

    def test_a_surface_holds_the_losses_of_single_images_on_request(self):
        asked = ["--grid", "5x4", "--train-images", 40, "--test-images", 5]
        file = self.landscape("losses.h5", *asked, "--image-losses")
        with h5py.File(file) as surface:
            for split, count in (("train", 40), ("test", 5)):
                losses, means = surface[split + "_image_loss"], surface[split + "_loss"]
                self.assertEqual((losses.shape, losses.dtype), ((4, 5, count), np.float32))
                np.testing.assert_allclose(losses[:].mean(2, dtype=np.float64), means, rtol=1e-6)
            y, x = surface["ycoordinates"][3], surface["xcoordinates"][1]
            network = self.model_at(x, y)
            reference_models.set_running_statistics(network, self.images["train"][0][:TRAIN])
            images, labels = (part[:40] for part in self.images["train"])
            with torch.no_grad():
                expected = torch.nn.functional.cross_entropy(network(images), labels, reduction="none")
            np.testing.assert_allclose(surface["train_image_loss"][3, 1], expected, rtol=1e-4, atol=1e-6)
        plain = self.landscape("no-losses.h5", *asked)
        self.assertEqual(file.with_suffix(".csv").read_bytes(), plain.with_suffix(".csv").read_bytes())
        self.assertNotIn("train_image_loss", cli.read_surface(plain)[0])
        for flags, word in ((["--images", 10], "exact"), (["--budget", "1m"], "image_losses"), (["--grid", "1000x1000"], "smaller grid")):
            refused = cli.run("landscape", "--plane", self.plane_file, "--out", self.scratch / "refused.h5", "--image-losses", *flags)
            self.assertEqual((refused.returncode, refused.stderr.count("\n")), (2, 1), refused.stderr)
            self.assertIn(word, refused.stderr)

    def test_a_finished_map_stays_until_a_new_one_is_whole(self):
        file, preview = self.landscape("kept.h5", "--grid", "3x2", "--test-images", 10), self.scratch / "kept.unfinished.h5"
        before = [path.read_bytes() for path in (file, file.with_suffix(".csv"))]
        self.assertFalse(preview.exists())
        begun = cli.start("landscape", "--plane", self.plane_file, "--out", file, "--grid", "300x300", "--quiet")
        self.assertEqual(cli.signal_when(begun, preview.exists, signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual([path.read_bytes() for path in (file, file.with_suffix(".csv"))], before)
        _, notes = cli.read_surface(preview)
        self.assertTrue(notes["provenance"]["landscape"]["unfinished"])
        (self.scratch / "kept.h5.journal").unlink()
        self.landscape("kept.h5", "--grid", "2x2", "--test-images", 10)
        self.assertEqual(cli.read_surface(file)[0]["test_loss"].shape, (2, 2))
        self.assertFalse(preview.exists())

    def test_it_tells_how_the_values_came(self):
        told = self.scratch / "told.h5"
        def map_with(*flags):
            command = ["landscape", "--plane", self.plane_file, "--out", told, "--grid", "7x7", "--bn-images", BN_IMAGES]
            result = cli.run(*command, *flags)
            self.assertEqual(result.returncode, 0, result.stderr)
            return result
        self.assertIn(f"Exact map: every value is over all {TRAIN} train and {TEST} test images.", map_with().stdout)
        sampled = map_with("--images", 40).stdout
        self.assertIn("Sampled map: 48 points are estimated", sampled)
        self.assertIn("largest standard error", sampled)
        adaptive = map_with("--tolerance", "20%").stdout
        certified = cli.read_surface(told)[1]["provenance"]["landscape"]["adaptive"]["certified"]
        self.assertIn("Certified: " if certified else "NOT certified: ", adaptive)
        reduced = map_with("--grid", "2x2", "--precision", "bf16", "--max-deviation", 10)
        self.assertIn("Evaluated in bfloat16: at 4 audited points", reduced.stdout)
        self.assertNotIn("mapping again", reduced.stderr)
        again = map_with("--grid", "2x2", "--precision", "bf16", "--max-deviation", 1e-9, "--json")
        self.assertRegex(again.stderr, "told.h5: bf16 deviates .*: mapping again in float32")
        self.assertIn("so this one was made in float32", json.loads(again.stdout)["notes"])

    def test_images_are_those_of_the_splits_that_were_mapped(self):
        told = json.loads(cli.run_ok("landscape", "--plane", self.plane_file, "--out", self.scratch / "split.h5", "--grid", "2x2",
                                     "--splits", "test", "--train-images", 50, "--test-images", 30, "--json", "--quiet"))
        self.assertEqual(told["images"], 30)
        self.assertEqual((told["landscape"]["train_images"], told["landscape"]["test_images"]), (0, 30))

    def test_a_dry_run_says_what_a_map_costs_and_a_budget_is_kept_by_fewer_points(self):
        asked = ["landscape", "--plane", self.plane_file, "--grid", "51x51", "--bn", "origin", "--quiet"]
        before = sorted(self.scratch.rglob("*"))
        cost = json.loads(cli.run_ok(*asked, "--dry-run", "--json"))
        self.assertEqual(sorted(self.scratch.rglob("*")), before)
        images = 51 * 51 * (TRAIN + TEST)
        self.assertEqual((cost["points"], cost["images"], cost["at_most"]), (51 * 51, images, False))
        evaluated = images + cost["checkpoint_images"]
        seconds = 51 * 51 * cost["fixed_seconds_per_point"] + evaluated * cost["seconds_per_image"]
        self.assertAlmostEqual(cost["seconds"], seconds, delta=1e-9 * seconds)
        self.assertGreater(cost["memory_mb"], 0)
        self.assertIn("peak so far", cli.run_ok(*asked, "--dry-run"))
        self.assertIn("at most", cli.run_ok(*asked, "--dry-run", "--stderr", 0.1))
        adaptive = cli.run_ok(*asked, "--dry-run", "--tolerance", "1%")
        self.assertNotIn("at most", adaptive)
        self.assertIn("an exact map's", adaptive)

        file = self.scratch / "budget.h5"
        result = json.loads(cli.run_ok(*asked, "--budget", f"{cost['seconds'] / 8}s", "--out", file, "--json"))
        columns, rows = map(int, result["landscape"]["grid"].split("x"))
        self.assertEqual(result["points"], columns * rows)
        self.assertEqual(cli.read_surface(file)[0]["test_loss"].shape, (rows, columns))
        self.assertTrue(11 <= columns < 51)
        refused = cli.run(*asked, "--budget", "0.001s", "--out", file)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("too few", refused.stderr)

    def test_a_dry_run_within_a_budget_is_no_map_that_may_have_begun(self):
        folder = self.scratch / "elsewhere"
        folder.mkdir()
        (folder / ".journal").write_text("another's")
        cost = json.loads(cli.run_ok("landscape", "--plane", self.plane_file, "--grid", "5x4", "--bn", "origin", "--budget", "1h",
                                     "--dry-run", "--json", "--quiet", cwd=folder))
        self.assertEqual(cost["points"], 20)

    def test_a_budget_goes_on_with_its_own_journal_alone(self):
        file, journal = self.scratch / "begun.h5", self.scratch / "begun.h5.journal"
        command = ["landscape", "--plane", self.plane_file, "--grid", "100x100", "--bn", "origin", "--out", file, "--quiet"]
        def check_refused(budget):
            refused = cli.run(*command, "--budget", budget)
            self.assertEqual((refused.returncode, refused.stdout), (1, ""))
            for word in (str(journal), "--budget"):
                self.assertIn(word, refused.stderr)
        def records_of_killed(*flags, after):
            moment = lambda: len(cli.read_records(journal)) > after
            self.assertEqual(cli.signal_when(cli.start(*command, *flags), moment, signal.SIGKILL), -signal.SIGKILL)
            return cli.read_records(journal)
        records_of_killed(after=3)
        check_refused("5m")
        journal.unlink()
        seconds = json.loads(cli.run_ok(*command, "--dry-run", "--json"))["seconds"] / 4
        begun = records_of_killed("--budget", f"{seconds}s", after=3)
        landscape = json.loads(begun[0])["landscape"]
        self.assertEqual(landscape["budget"], seconds)
        self.assertGreater(landscape["images"], 0)
        self.assertEqual(landscape["budget_grid"], "100x100")
        check_refused("5m")
        command[command.index("100x100")] = "90x90"
        check_refused(f"{seconds}s")
        command[command.index("90x90")] = "100x100"
        self.assertEqual(cli.run(*command, "--budget", f"{seconds}s", "--images", 50).returncode, 2)
        self.assertEqual(records_of_killed("--budget", f"{seconds}s", after=len(begun) + 2)[:len(begun)], begun)

    # Evaluation of weights from elsewhere

    def test_evaluate_equals_pytorch_with_and_without_the_prefix_of_dataparallel(self):
        model = reference_models.randomise(reference_models.make(**cli.VGG))
        tensors = {name: value.numpy() for name, value in model.state_dict().items()}
        model = model.double()
        for prefix in ("", "module."):
            file = self.scratch / "pytorch.safetensors"
            safetensors_file.write(file, {prefix + name: value for name, value in tensors.items()})
            for split, count in (("train", TRAIN), ("test", TEST)):
                loss, accuracy = self.evaluate(model, split, count)
                result = json.loads(cli.run_ok("evaluate", "--weights", file, "--config", self.config, "--split", split, "--json"))
                self.assertEqual((result["images"], result["split"]), (count, split))
                self.assertLess(abs(result["loss"] - loss), LOSS_TOLERANCE * loss)
                self.assertAlmostEqual(100 * result["accuracy"], accuracy, delta=1e-9)


if __name__ == "__main__":
    unittest.main()

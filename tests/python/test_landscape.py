"""Compares evaluations and surfaces with PyTorch and numpy."""
import json
import signal
import unittest

import h5py
import numpy as np
import torch

import cli
import reference_models
import safetensors_file
from mapped_experiment import BN_IMAGES, GRID_TEST, GRID_TRAIN, LOSS_TOLERANCE, TEST, TRAIN, MappedExperiment

RESNET = {"name": "resnet20", "width": 0.5}


class Landscape(MappedExperiment):
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

    def check_random_plane(self, model):
        """Maps a random plane around weights of `model` and compares every point with PyTorch."""
        weights, config, file = (self.scratch / f"{model['name']}.{kind}" for kind in ("safetensors", "json", "plane"))
        network = reference_models.randomise(reference_models.make(**model))
        safetensors_file.write(weights, {name: value.numpy() for name, value in network.state_dict().items()})
        config.write_text(json.dumps(json.loads(self.config.read_text()) | {"model": model}))
        cli.run_ok("plane", weights, "--config", config, "--kind", "random", "--seed", 7, "--out", file)
        plane, about = cli.read_plane(file)
        def network_at(x, y):
            network = self.network_at(x, y, model, plane, about)
            reference_models.set_running_statistics(network, self.images["train"][0][:BN_IMAGES])
            return network
        surface = self.landscape(f"{model['name']}.h5", "--grid", "4x3", "--range=-1:1,-1:1", "--bn-images", BN_IMAGES,
                                 "--train-images", GRID_TRAIN, "--test-images", GRID_TEST, plane=file)
        self.check_surface(surface, network_at, {"train": GRID_TRAIN, "test": GRID_TEST})

    def test_every_point_of_a_residual_network_s_plane_equals_pytorch(self):
        self.check_random_plane(RESNET)

    def test_every_point_of_an_mlp_s_plane_equals_pytorch(self):
        for hidden in ([], [24], [20, 10]):
            with self.subTest(hidden=hidden):
                self.check_random_plane(cli.MLP | {"hidden": hidden})

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
        whole = [file, file.with_suffix(".csv"), file.with_suffix(".svg")]
        before = [path.read_bytes() for path in whole]
        self.assertFalse(preview.exists())
        begun = cli.start("landscape", "--plane", self.plane_file, "--out", file, "--grid", "200x200", "--quiet")
        picture = self.scratch / "kept.unfinished.svg"
        is_shown = lambda: picture.exists() and "This map is unfinished. State of its 40000 points" in picture.read_text()
        self.assertEqual(cli.signal_when(begun, is_shown, signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual([path.read_bytes() for path in whole], before)
        _, notes = cli.read_surface(preview)
        self.assertTrue(notes["provenance"]["landscape"]["unfinished"])
        (self.scratch / "kept.h5.journal").unlink()
        self.landscape("kept.h5", "--grid", "2x2", "--test-images", 10)
        self.assertIn("kept.h5: Loss on the plane", file.with_suffix(".svg").read_text())
        self.assertFalse(picture.exists())
        self.assertEqual(cli.read_surface(file)[0]["test_loss"].shape, (2, 2))
        self.assertFalse(preview.exists())

    def test_the_picture_shows_each_run_in_a_colour_of_its_own(self):
        picture = self.landscape("coloured.h5", "--grid", "2x2", "--test-images", 10).with_suffix(".svg").read_text()
        for color in ("#000000", "#d55e00", "#0072b2"):  # main path, decay-at-1, late
            self.assertIn(f'stroke="{color}"', picture)

    def test_the_picture_of_a_line_shows_curves_and_a_foreign_picture_is_left_alone(self):
        line = self.scratch / "line.safetensors"
        cli.run_ok("plane", self.out / "branches/late", self.out / "main", "--kind", "line", "--out", line)
        file = self.landscape("line.h5", "--grid", "3x1", "--test-images", 10, plane=line)
        self.assertIn("line.h5: loss along a line", file.with_suffix(".svg").read_text())
        foreign = self.scratch / "drawn.svg"
        for drawn in ("<?xml version='1.0'?><svg/>", '<svg xmlns="http://www.w3.org/2000/svg" width="10"></svg>'):
            foreign.write_text(drawn)
            refused = cli.run("landscape", "--plane", line, "--out", self.scratch / "drawn.h5")
            self.assertEqual((refused.returncode, refused.stderr.count("\n")), (2, 1), refused.stderr)
            self.assertIn("drawn.svg already exists and is not a figure", refused.stderr)
            self.assertEqual(foreign.read_text(), drawn)
        self.landscape("line.h5", "--grid", "2x1", "--test-images", 10, plane=line)  # its own picture is replaced

    def test_it_tells_how_the_values_came(self):
        told = self.scratch / "told.h5"
        def map_with(*flags):
            command = ["landscape", "--plane", self.plane_file, "--out", told, "--grid", "7x7", "--bn-images", BN_IMAGES]
            result = cli.run(*command, *flags)
            self.assertEqual(result.returncode, 0, result.stderr)
            return result
        self.assertIn(f"Exact map: every value is computed over all {TRAIN} train and {TEST} test images.", map_with().stdout)
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
        self.assertIn("for an exact map", adaptive)

        file = self.scratch / "budget.h5"
        result = json.loads(cli.run_ok(*asked, "--budget", f"{cost['seconds'] / 6}s", "--out", file, "--json"))
        columns, rows = map(int, result["landscape"]["grid"].split("x"))
        self.assertEqual(result["points"], columns * rows)
        self.assertEqual(cli.read_surface(file)[0]["test_loss"].shape, (rows, columns))
        self.assertTrue(11 <= columns < 51)
        refused = cli.run(*asked, "--budget", "0.001s", "--out", file)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("is too small", refused.stderr)

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
        seconds = json.loads(cli.run_ok(*command, "--dry-run", "--json"))["seconds"] / 12
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

"""An experiment with several seeds, and runs that train concurrently."""
import math
import shutil
import signal
import statistics
import time
import unittest

import numpy as np

import cli
import safetensors_file

RESUMABLE = 75
RUN_FILES = ("weights.safetensors", "trajectory/weights.f32", "trajectory/index.log")


class Seeds(cli.CliTest):
    def config(self, **others):
        return self.write("config.json", cli.experiment_config(cli.MLP, **{"threads": 2, **others}))

    def experiment(self, name, *args, **others):
        out = self.folder / name
        cli.run_ok("experiment", self.config(**others), "--out", out, "--quiet", *args)
        return out

    def assert_same_runs(self, one, two, runs=tuple(cli.RUNS.values())):
        for run in runs:
            for file in RUN_FILES:
                self.assertEqual((one / run / file).read_bytes(), (two / run / file).read_bytes(), f"{run}/{file}")

    def test_each_seed_is_the_experiment_of_that_seed_alone(self):
        out = self.experiment("out", seeds=[5, 11, 2], parallel_runs=2)
        for seed in (5, 11, 2):
            alone = self.experiment(f"alone-{seed}", "--seed", seed, seeds=[5, 11, 2], parallel_runs=2)
            member = out / "seeds" / str(seed)
            self.assert_same_runs(alone, member)
            surfaces = [cli.read_surface(folder / "surfaces/pca.h5")[0] for folder in (alone, member)]
            self.assertEqual(surfaces[0]["test_loss"].tobytes(), surfaces[1]["test_loss"].tobytes())
            self.assertEqual(cli.read_json(member / "config.json"), cli.read_json(alone / "config.json"))

    def test_a_run_beside_others_equals_the_run_alone(self):
        together = self.experiment("together", parallel_runs=2)
        alone = self.experiment("alone", threads=1)
        self.assert_same_runs(together, alone)
        trained = self.folder / "trained"
        cli.run_ok("train", self.config(parallel_runs=2), "--out", trained, "--quiet")
        for file in RUN_FILES:
            self.assertEqual((trained / file).read_bytes(), (together / "main" / file).read_bytes(), file)

    def test_the_summary_holds_mean_and_deviation_of_what_the_runs_ended_with(self):
        out = self.experiment("out", seeds=[5, 11, 2])
        summary = cli.read_json(out / "seeds.json")
        self.assertEqual((summary["seeds"], set(summary["runs"])), ([5, 11, 2], set(cli.RUNS)))
        for run, folder in cli.RUNS.items():
            finals = [cli.read_json(out / "seeds" / str(seed) / folder / "status.json")["final"] for seed in (5, 11, 2)]
            self.assertEqual(set(summary["runs"][run]), set(finals[0]))
            for metric, told in summary["runs"][run].items():
                values = [final[metric] for final in finals]
                self.assertEqual(told["values"], values)
                self.assertAlmostEqual(told["mean"], statistics.mean(values), delta=1e-12)
                self.assertAlmostEqual(told["std"], statistics.stdev(values), delta=1e-12)

    def test_claims_hold_what_the_runs_ended_with_and_each_run_is_measured(self):
        out = self.experiment("out", seeds=[5, 11, 2])
        told = cli.read_json(out / "claims.json")["experiments"][0]
        self.assertEqual(told["seeds"], 3)
        for run, folder in cli.RUNS.items():
            folders = [out / "seeds" / str(seed) / folder for seed in (5, 11, 2)]
            finals = [cli.read_json(one / "status.json")["final"] for one in folders]
            values = [final["test_loss"] for final in finals]
            self.assertEqual(told["runs"][run]["gap"]["values"], [final["test_loss"] - final["train_loss"] for final in finals])
            self.assertEqual(told["runs"][run]["test_loss"]["values"], values)
            lines = [[line for line in cli.read_metrics(one) if line["kind"] == "epoch"] for one in folders]
            for curves, of_seed in zip(told["runs"][run]["curves"], lines, strict=True):
                self.assertEqual(curves, {key: [line[key] for line in of_seed] for key in ("epoch", "test_loss", "test_accuracy")})
            half = 4.302652729749462 * statistics.stdev(values) / 3 ** 0.5  # Student's t for 2 degrees of freedom
            self.assertAlmostEqual(told["runs"][run]["test_loss"]["low"], statistics.mean(values) - half, delta=1e-9)
            for one, norm in zip(folders, told["runs"][run]["weight_norm"]["values"]):
                weights = safetensors_file.read(one / "weights.safetensors")[0]
                squares = sum(float((t.astype("f8") ** 2).sum()) for t in weights.values())
                self.assertAlmostEqual(norm, squares ** 0.5, delta=1e-6 * norm)
                measures = cli.read_json(one / "measures.json")
                self.assertEqual((norm, "sharpness" in measures), (measures["weight_norm"], True))
        self.assertEqual([claim["id"] for claim in told["claims"]],
                         ["valley", "near-minimum", "later-accuracy", "later-loss", "later-gap", "faster", "gain", "depth", "data"])
        for claim in told["claims"][-2:]:
            self.assertEqual(claim["verdict"], "not tested")
            self.assertIn("'thalweg report A B --out DIR' compares several", claim["measured"])
        self.assertIn("| Claim | Measured | Verdict |", (out / "claims.md").read_text())
        self.assertIn("The claims", (out / "report.html").read_text())
        across = self.folder / "across"
        other = shutil.copytree(out, self.folder / "other")
        cli.run_ok("report", out, other, "--out", across)
        together = cli.read_json(across / "claims.json")
        self.assertEqual([claim["id"] for claim in together["across"]], ["depth", "data"])
        self.assertEqual(len(together["experiments"]), 2)
        for one in together["experiments"]:
            self.assertEqual([claim["id"] for claim in one["claims"]][-1], "gain")
        cli.run_ok("report", out)

    def test_a_seed_added_later_trains_that_seed_alone(self):
        out = self.experiment("out", seeds=[5, 11])
        kept = out / "seeds/5/main/weights.safetensors"
        before = kept.stat().st_mtime_ns
        self.experiment("out", seeds=[5, 11, 3])
        self.assertEqual(kept.stat().st_mtime_ns, before)
        self.assertEqual(len(cli.read_json(out / "seeds.json")["runs"]["main"]["test_loss"]["values"]), 3)

    def test_what_one_seed_left_in_the_folder_is_not_of_the_experiment(self):
        out = self.experiment("out")
        self.experiment("out", seeds=[5, 11])
        plane = self.folder / "plane.safetensors"
        cli.run_ok("plane", out, "--out", plane, "--quiet")
        runs = {point["run"] for point in cli.read_plane(plane)[1]["plane"]["path"]}
        self.assertEqual(runs, {f"{run}, seed {seed}" for run in cli.RUNS for seed in (5, 11)})
        self.check_fails(2, ["evaluate", "--weights", out], "several seeds", "seeds/5")

    def test_a_killed_writer_s_file_goes_with_the_next_run(self):
        out = self.experiment("out")
        left = [out / "main/.status.json.1-0-0.tmp", out / "branches/decay-at-1/.status.json.1-0-0.tmp"]
        for file in left:
            file.write_text("half")
            (file.parent / "status.json").unlink()
        self.experiment("out")
        self.assertEqual([file for file in left if file.exists()], [])

    def test_a_report_names_each_experiment_once(self):
        out, other, across = self.experiment("out", seeds=[5]), self.experiment("other", seeds=[11]), self.folder / "across"
        self.check_fails(2, ["report", out, self.folder / "other/../out", "--out", across], "are the same folder")
        self.assertFalse(across.exists())
        cli.run_ok("report", out, other, "--out", across)
        titles = [one["title"] for one in cli.read_json(across / "claims.json")["experiments"]]
        self.assertEqual([title.endswith(f"({folder})") for title, folder in zip(titles, (out, other))], [True, True])

    def test_stopped_or_killed_it_goes_on_to_the_same_bits(self):
        seeds = [5, 11, 2]
        config = self.write("config.json", cli.long_experiment_config(threads=2, seeds=seeds, parallel_runs=2,
                                                                      measures={"sharpness_images": 0}))
        fresh, out = self.folder / "fresh", self.folder / "out"
        cli.run_ok("experiment", config, "--out", fresh, "--quiet")
        command = ["experiment", config, "--out", out, "--quiet"]
        for seed, number, code in ((11, signal.SIGTERM, RESUMABLE), (2, signal.SIGKILL, -signal.SIGKILL)):
            at_work = lambda: cli.lines_in(out / f"seeds/{seed}/main/metrics.jsonl") > 12
            self.assertEqual(cli.signal_when(cli.start(*command), at_work, number), code)
        cli.run_ok(*command)
        for seed in seeds:
            self.assert_same_runs(fresh / f"seeds/{seed}", out / f"seeds/{seed}", cli.LONG_RUNS)

    def test_a_shared_plane_holds_the_runs_of_all_seeds(self):
        plane = {"kind": "pca", "origin": "mean", "shared": True}
        out = self.experiment("out", seeds=[11, 5], plane=plane)
        about = cli.read_surface(out / "surfaces/shared.h5")[1]["provenance"]
        self.assertEqual(about["run_seeds"], [5, 11])
        self.assertEqual({run["name"] for run in about["runs"]}, {f"{run}, seed {seed}" for run in cli.RUNS for seed in (5, 11)})
        self.assertEqual(about["runs"][0]["name"], "main, seed 11", "the configuration's first seed comes first")
        tensors, metadata = cli.read_plane(out / "planes/shared.safetensors")
        origin, d1, d2 = (tensors[name].astype("float64") for name in ("origin", "d1", "d2"))
        for seed in (5, 11):
            weights = np.fromfile(out / f"seeds/{seed}/main/trajectory/weights.f32", "<f4").reshape(-1, origin.size)
            told = [(p["x"], p["y"]) for p in metadata["plane"]["path"] if p["run"] == f"main, seed {seed}"]
            moved = weights - origin
            np.testing.assert_allclose(told, np.stack([moved @ d1, moved @ d2], 1), atol=1e-5)
        page = (out / "report.html").read_text()
        self.assertIn("on the plane", page)
        self.assertTrue((out / "figures/surface-train-test.svg").exists())
        # Results that are up to date are kept.
        before = (out / "surfaces/shared.h5").stat().st_mtime_ns
        self.experiment("out", seeds=[11, 5], plane=plane)
        self.assertEqual((out / "surfaces/shared.h5").stat().st_mtime_ns, before)
        # `thalweg plane` makes the same plane.
        cli.run_ok("plane", out, "--out", self.folder / "plane.safetensors", "--quiet")
        by_hand, its_metadata = cli.read_plane(self.folder / "plane.safetensors")
        np.testing.assert_array_equal(by_hand["d1"], tensors["d1"])
        self.assertEqual(its_metadata["plane"]["path"], metadata["plane"]["path"])
        # A seed removed from the configuration is in neither plane.
        self.experiment("out", seeds=[11], plane={"kind": "pca"})
        cli.run_ok("plane", out, "--out", self.folder / "one.safetensors", "--quiet")
        self.assertEqual({run["name"] for run in cli.read_plane(self.folder / "one.safetensors")[1]["plane"]["provenance"]["runs"]},
                         set(cli.RUNS))

    def test_the_report_shows_a_map_in_the_making(self):
        config = self.config(seeds=[5, 11], plane={"kind": "pca", "shared": True},
                             landscape={"grid": "60x60", "train_images": 130, "test_images": 60})
        out = self.folder / "out"
        pages = {out / "seeds/11": "pca", out: "shared"}
        shown = "This map is unfinished"
        for folder, plane in pages.items():
            process = cli.start("experiment", config, "--out", out, "--quiet")
            cli.wait_for(process, lambda: len(cli.read_records(folder / f"surfaces/{plane}.h5.journal")) > 20)
            process.send_signal(signal.SIGSTOP)
            time.sleep(5.1)  # after this time an unfinished map is first shown
            process.send_signal(signal.SIGCONT)
            page = folder / "report.html"
            moment = lambda: shown.encode() in cli.bytes_of(page)
            self.assertEqual(cli.signal_when(process, moment, signal.SIGKILL), -signal.SIGKILL)
        cli.run_ok("experiment", config, "--out", out, "--quiet")
        for folder in pages:
            self.assertNotIn(shown, (folder / "report.html").read_text())

    def test_a_shared_plane_leaves_other_folders_and_seeds_alone(self):
        plane = {"kind": "pca", "origin": "mean", "shared": True}
        # One seed alone, in the folder later used for all seeds.
        out = self.experiment("out", "--seed", 5, seeds=[5, 11], plane=plane)
        own = (out / "surfaces/pca.h5").read_bytes()
        self.assertFalse((out / "surfaces/shared.h5").exists())
        self.experiment("out", seeds=[5, 11], plane=plane)
        self.assertEqual((out / "surfaces/pca.h5").read_bytes(), own)
        self.assertTrue((out / "figures/surface-train-test.svg").exists())
        # With one more seed and without a shared plane, the old one is not shown as that of all seeds.
        shown = (out / "report.html").read_text().count("on the plane")
        self.experiment("out", seeds=[5, 11, 2])
        self.assertLess((out / "report.html").read_text().count("on the plane"), shown)
        self.check_fails(2, ["experiment", self.config(plane={"kind": "random", "shared": True}), "--out", self.folder / "none"], "plane.shared")
        many = self.experiment("many", seeds=[5, 11])
        self.check_fails(2, ["plane", many, "--kind", "random", "--out", self.folder / "p.safetensors"], "several seeds")

    def test_runs_of_other_data_share_no_plane(self):
        one, other = self.experiment("one"), self.experiment("other", "--seed", 9, data={**cli.SYNTHETIC, "seed": 1})
        self.check_fails(1, ["plane", one, other, "--out", self.folder / "p.safetensors"], "data_digest")

    def test_where_one_run_fails_the_others_end(self):
        config = cli.experiment_config(cli.MLP, parallel_runs=2)
        config["branches"][0]["schedule"]["lr"] = 1e6
        out = self.folder / "out"
        self.check_fails(1, ["experiment", self.write("config.json", config), "--out", out, "--quiet"], "decay-at-1", "diverged",
                         f"report in {out} cover the other runs")
        self.assertEqual(cli.read_json(out / "branches/late/status.json")["state"], "done")
        status = cli.read_json(out / "branches/decay-at-1/status.json")
        self.assertEqual((status["state"], status["failure"]), ("failed", "diverged"))
        runs = cli.read_plane(out / "planes/pca.safetensors")[1]["plane"]["provenance"]["runs"]
        self.assertEqual([run["name"] for run in runs], ["main", "late"])
        self.assertTrue((out / "surfaces/pca.h5").exists() and (out / "report.html").exists())

    def test_divergence_is_told_where_the_maps_fail_too(self):
        config = cli.experiment_config(cli.MLP)
        config["branches"][0]["schedule"]["lr"] = 1e6
        path, out = self.write("config.json", config), self.folder / "out"
        (out / "planes").mkdir(parents=True)
        (out / "planes/pca.safetensors").write_text("damaged")
        self.check_fails(1, ["experiment", path, "--out", out, "--quiet"], "decay-at-1", "diverged", "A further error followed: ", "pca.safetensors")

    def test_what_diverged_in_one_seed_is_null_there(self):
        config = cli.experiment_config(cli.MLP, seeds=[3, 4])
        config["branches"][0]["schedule"]["lr"] = 2
        config["train"] |= {"log_every": 1, "divergence_factor": 0}
        path, whole, out = self.write("config.json", config), self.folder / "whole", self.folder / "out"
        cli.run_ok("experiment", path, "--out", whole, "--quiet")
        def highest(seed, run):
            folder = whole / "seeds" / seed / run
            losses = [line["loss"] for line in cli.read_metrics(folder) if line["kind"] == "step"]
            return max(*losses, cli.read_json(folder / "status.json")["final"]["train_loss"])
        losses = [highest(seed, "branches/decay-at-1") for seed in ("3", "4")]
        limit = statistics.mean(losses)
        self.assertLess(max(highest(seed, run) for seed in ("3", "4") for run in ("main", "branches/late")), limit)
        self.check_fails(1, ["experiment", path, "--out", out, "--quiet", "--set", f"train.divergence_factor={limit / math.log(10)}"],
                         f"seed {3 if losses[0] > limit else 4} decay-at-1", "diverged")
        of_all, of_sound = (cli.read_json(folder / "seeds.json")["runs"] for folder in (whole, out))
        for metric, expected in of_all["decay-at-1"].items():
            values = [value if loss < limit else None for value, loss in zip(expected["values"], losses)]
            self.assertEqual(of_sound["decay-at-1"][metric], {"values": values, "mean": None, "std": None})
        self.assertEqual(of_sound["main"], of_all["main"])
        for seed in ("3", "4"):
            self.assertTrue((out / "seeds" / seed / "surfaces/pca.h5").exists())

    def test_seeds_that_are_none_are_refused(self):
        for seeds in ("3", "[1,-2]", "[1,1]", '["a"]'):
            self.check_fails(2, ["experiment", self.config(), "--out", self.folder / "out", "--set", f"seeds={seeds}"], "seeds")


if __name__ == "__main__":
    unittest.main()

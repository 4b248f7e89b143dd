"""An experiment that is killed or stopped, then restarted, gives the same bits as an undisturbed one."""
import fcntl
import json
import random
import shutil
import signal
import unittest

import cli
import safetensors_file

RESUMABLE = 75
GRID = (9, 8)
OF_THE_SESSION = {"seconds", "evaluation_seconds", "points_evaluated"}  # what a surface records about its last session


def config():
    """Long enough for each kill to interrupt it, also during the map of 72 points."""
    config = cli.long_experiment_config()
    config["landscape"] |= {"grid": "{}x{}".format(*GRID), "train_images": 0}
    return config


def points_in(journal):
    return len(cli.read_records(journal)) - 1


def tensor_bytes(file):
    return {name: value.tobytes() for name, value in safetensors_file.read(file)[0].items()}


class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = cli.class_folder(cls)
        cls.config = cls.scratch / "config.json"
        cls.config.write_text(json.dumps(config()))
        cls.whole = cls.scratch / "whole"
        cli.run_ok("experiment", cls.config, "--out", cls.whole, "--quiet")

    def setUp(self):
        self.out = self.scratch / self._testMethodName

    def start(self):
        return cli.start("experiment", self.config, "--out", self.out, "--quiet")

    def finish(self):
        cli.run_ok("experiment", self.config, "--out", self.out, "--quiet")

    def check_equal_to_the_whole_one(self):
        for run in cli.LONG_RUNS:
            for file in ("weights.safetensors", "trajectory/weights.f32", "trajectory/index.log", "run.json", "status.json"):
                self.assertEqual((self.out / run / file).read_bytes(), (self.whole / run / file).read_bytes(), (run, file))
            metrics = [[{key: value for key, value in line.items() if key != "seconds"}
                        for line in cli.read_metrics(folder / run)] for folder in (self.out, self.whole)]
            self.assertEqual(*metrics)
            names = [sorted(path.name for path in (folder / run / "checkpoints").iterdir()) for folder in (self.out, self.whole)]
            self.assertEqual(*names)
            for name in names[0]:
                self.assertEqual(*[tensor_bytes(folder / run / "checkpoints" / name) for folder in (self.out, self.whole)])
        for file in ("planes/pca.safetensors", "surfaces/pca.csv", "config.json"):
            self.assertEqual((self.out / file).read_bytes(), (self.whole / file).read_bytes(), file)
        self.assertFalse((self.out / "surfaces/pca.h5.journal").exists())

    def test_kills_at_any_time_change_no_bit(self):
        journal = self.out / "surfaces/pca.h5.journal"
        moments = [lambda: (self.out / "main/run.json").exists(),
                   lambda: cli.lines_in(self.out / "main/metrics.jsonl") > 3,
                   lambda: cli.lines_in(self.out / "main/metrics.jsonl") > 22,
                   lambda: (self.out / "main/weights.safetensors").exists(),
                   lambda: cli.lines_in(self.out / "branches/half/metrics.jsonl") > 13,
                   lambda: cli.lines_in(self.out / "branches/late/metrics.jsonl") > 2,
                   lambda: points_in(journal) > 2, lambda: points_in(journal) > 20]
        for number, moment in enumerate(moments):
            self.assertEqual(cli.signal_when(self.start(), moment, signal.SIGKILL), -signal.SIGKILL, f"kill {number}")
            if number == 1:  # as if the kill had interrupted the writing of a checkpoint
                (self.out / "main/checkpoints").mkdir(exist_ok=True)
                (self.out / "main/checkpoints/.step-000000007.safetensors.1-00000001-1.tmp").write_bytes(b"half")
        self.finish()
        self.check_equal_to_the_whole_one()

    def test_signals_stop_it_with_everything_saved(self):
        journal = self.out / "surfaces/pca.h5.journal"
        for number, moment in ((signal.SIGTERM, lambda: cli.lines_in(self.out / "main/metrics.jsonl") > 12),
                               (signal.SIGINT, lambda: cli.lines_in(self.out / "branches/half/metrics.jsonl") > 5),
                               (signal.SIGHUP, lambda: points_in(journal) > 5)):
            process = self.start()
            closing = number == signal.SIGHUP  # closing a terminal sends it twice: by the shell and by the terminal
            self.assertEqual(cli.signal_when(process, moment, number, times=2 if closing else 1), RESUMABLE)
            if not (self.out / "main/weights.safetensors").exists():
                status = cli.read_json(self.out / "main/status.json")
                self.assertEqual(status["state"], "interrupted")
                self.assertTrue((self.out / f"main/checkpoints/step-{status['step']:09}.safetensors").exists())
        self.finish()
        self.check_equal_to_the_whole_one()

    def test_a_stop_says_what_to_do(self):
        process = self.start()
        moment = lambda: cli.lines_in(self.out / "main/metrics.jsonl") > 4
        self.assertEqual(cli.signal_when(process, moment, signal.SIGTERM), RESUMABLE)
        self.assertIn("run the same command again", process.stderr_text)

    def test_points_of_the_journal_are_not_computed_again(self):
        journal = self.out / "surfaces/pca.h5.journal"
        self.assertEqual(cli.signal_when(self.start(), lambda: points_in(journal) > 10, signal.SIGKILL), -signal.SIGKILL)
        self.finish()
        landscape = cli.read_surface(self.out / "surfaces/pca.h5")[1]["provenance"]["landscape"]
        self.assertLess(landscape["points_evaluated"], GRID[0] * GRID[1] - 9)
        self.assertGreater(landscape["points_evaluated"], 0)

    def check_map_survives_kills(self, name, *flags):
        def command(folder):
            return ["landscape", "--plane", self.whole / "planes/pca.safetensors", "--grid", "8x7", "--bn-images", 20, "--seed", 3,
                    "--out", folder / "map.h5", "--quiet", *flags]
        whole, out = self.scratch / f"{name}-whole", self.scratch / name
        cli.run_ok(*command(whole))
        def records():
            return sum(len(cli.read_records(out / f"map.h5.journal{pass_}")) for pass_ in ("", ".float32"))
        rng, kills, code = random.Random(name), 0, None
        while code != 0:
            goal = records() + rng.randint(2, 25 if kills > 2 else 8)  # the first kills surely interrupt it
            code = cli.signal_when(cli.start(*command(out)), lambda: records() >= goal, signal.SIGKILL)
            self.assertIn(code, (0, -signal.SIGKILL))
            kills += code != 0
        self.assertGreater(kills, 2)
        self.assertEqual(*[(folder / "map.csv").read_bytes() for folder in (out, whole)])
        (resumed, notes), (expected, expected_notes) = (cli.read_surface(folder / "map.h5") for folder in (out, whole))
        self.assertEqual({key: values.tobytes() for key, values in resumed.items()},
                         {key: values.tobytes() for key, values in expected.items()})
        told, expected_told = ({key: value for key, value in some["provenance"]["landscape"].items() if key not in OF_THE_SESSION}
                               for some in (notes, expected_notes))
        self.assertEqual(told, expected_told)
        # A kill during the writing of a file may leave its temporary file, ".map.csv.….tmp".
        left = sorted(path.name for path in out.iterdir() if not (path.name.startswith(".map.") and path.suffix == ".tmp"))
        self.assertEqual(left, ["map.csv", "map.h5", "map.svg"])
        return told

    def test_kills_change_no_bit_of_the_losses_of_single_images(self):
        self.check_map_survives_kills("image-losses", "--image-losses")

    def test_kills_change_no_bit_of_a_sampled_map(self):
        self.check_map_survives_kills("images", "--images", 40)
        self.check_map_survives_kills("stderr", "--stderr", 0.02)

    def test_kills_change_no_bit_of_an_adaptive_map(self):
        self.check_map_survives_kills("tolerance", "--tolerance", "20%")

    def test_kills_change_no_bit_of_a_map_made_again_in_float32(self):
        told = self.check_map_survives_kills("again", "--precision", "bf16", "--max-deviation", 1e-9)
        self.assertEqual(told["audit"]["made_again_in"], "float32")

    def test_a_torn_end_of_a_journal_costs_its_last_point_alone(self):
        journal = self.out / "surfaces/pca.h5.journal"
        self.assertEqual(cli.signal_when(self.start(), lambda: points_in(journal) > 10, signal.SIGKILL), -signal.SIGKILL)
        journal.write_bytes(journal.read_bytes()[:-5])
        self.finish()
        self.check_equal_to_the_whole_one()

    def test_a_journal_of_other_settings_is_refused(self):
        journal = self.out / "surfaces/pca.h5.journal"
        self.assertEqual(cli.signal_when(self.start(), lambda: points_in(journal) > 2, signal.SIGKILL), -signal.SIGKILL)
        result = cli.run("experiment", self.config, "--out", self.out, "--set", "landscape.grid=3x3")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("pca.h5.journal", result.stderr)
        self.assertIn("(landscape.grid: ", result.stderr)

    def test_a_folder_in_use_is_refused(self):
        shutil.copytree(self.whole, self.out)
        before = (self.out / "config.json").stat().st_mtime_ns
        for place, written in (".lock", False), ("main/.lock", True):
            with open(self.out / place, "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                result = cli.run("experiment", self.config, "--out", self.out)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("in use by another", result.stderr)
            self.assertEqual((self.out / "config.json").stat().st_mtime_ns != before, written)

    def test_a_second_program_does_not_end_the_first(self):
        first = self.start()
        cli.wait_for(first, lambda: cli.lines_in(self.out / "main/metrics.jsonl") > 4)
        second = cli.run("experiment", self.config, "--out", self.out)
        self.assertEqual(second.returncode, 1)
        self.assertIn("in use by another", second.stderr)
        self.assertEqual(first.communicate(timeout=cli.WAIT_SECONDS)[1], "")
        self.assertEqual(first.returncode, 0)
        self.check_equal_to_the_whole_one()

    def test_a_map_that_was_given_up_is_not_in_the_way(self):
        shutil.copytree(self.whole, self.out)
        journal, finer = self.out / "surfaces/pca.h5.journal", ["--set", "landscape.grid=40x40"]
        process = cli.start("experiment", self.config, "--out", self.out, "--quiet", *finer)
        self.assertEqual(cli.signal_when(process, lambda: points_in(journal) > 2, signal.SIGKILL), -signal.SIGKILL)
        self.finish()
        self.check_equal_to_the_whole_one()
        cli.run_ok("experiment", self.config, "--out", self.out, "--quiet", "--set", "landscape.grid=3x3")
        self.assertFalse(journal.exists())


if __name__ == "__main__":
    unittest.main()

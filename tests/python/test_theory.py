"""Compares thalweg theory with a numpy implementation of the model, and tests its command line."""
import csv
import json
import math
import signal
import time
import unittest

import numpy as np

import cli


def philox(seed, purpose, a, b=0):
    """Yields the outputs of the stream (seed, purpose, a, b), by Philox4x32-10 as in its paper."""
    mask, block = 0xFFFFFFFF, 0
    while True:
        c, key = [block, a, b, purpose], [seed & mask, seed >> 32]
        for _ in range(10):
            p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(p1 >> 32) ^ c[1] ^ key[0], p1 & mask, (p0 >> 32) ^ c[3] ^ key[1], p0 & mask]
            key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
        yield from c
        block += 1


def normals(stream, count):
    out = []
    while len(out) < count:
        radius, angle = ((next(stream) + 0.5) / 2**32 for _ in range(2))
        radius = math.sqrt(-2 * math.log(radius))
        out += [radius * math.cos(2 * math.pi * angle), radius * math.sin(2 * math.pi * angle)]
    return np.array(out[:count])


DATA, STEP = 20, 21


class Model:
    """The first data set of a configuration."""

    def __init__(self, seed, theory):
        self.seed, self.gamma, self.n, d = seed, theory["gamma"], theory["samples"], theory["dimensions"]
        direction = normals(philox(seed, DATA, 0), d)
        self.target = self.u(direction / np.linalg.norm(direction) * theory["target_norm"])
        start = normals(philox(seed, DATA, 1), d)
        self.start = start / np.linalg.norm(start) * theory["init_norm"]
        self.x = np.array([normals(philox(seed, DATA, 3 + i), d) for i in range(self.n)])
        self.y = self.x @ self.target
        self.std = theory["noise"]["std"] if theory["noise"]["kind"] == "fresh" else 0
        if theory["noise"]["kind"] == "fixed":
            self.y = self.y + theory["noise"]["std"] * normals(philox(seed, DATA, 2), self.n)

    def u(self, w):
        return np.linalg.norm(w)**self.gamma * w

    def gradient(self, w, step, batch):
        total = np.zeros_like(w)
        for place in range(batch or self.n):
            stream = philox(self.seed, STEP, step, place)
            drawn = next(stream) * self.n >> 32
            i = drawn if batch else place
            label = self.y[i] + (self.std * normals(stream, 1)[0] if self.std else 0)
            norm, p = np.linalg.norm(w), w @ self.x[i]
            total += (norm**self.gamma * p - label) * (norm**self.gamma * self.x[i] + self.gamma * norm**(self.gamma - 2) * p * w)
        return total / (batch or self.n)

    def measures(self, w):
        u = self.u(w)
        return [np.mean((self.x @ u - self.y)**2) / 2, np.sum((u - self.target)**2) / 2, np.linalg.norm(w)]


def config(**changes):
    theory = {"dimensions": 21, "samples": 8, "gamma": 1, "target_norm": 1.5, "init_norm": 2, "steps": 150, "seeds": 1,
              "noise": {"kind": "fresh", "std": 0.2}, "batch": 1, "records": 150, "precision": "float64",
              "rates": [0.002, 0.006], "decay_times": [50, 120], "factor": 0.1, "landscape": {"grid": "7x5"}}
    return {"name": "small", "seed": 2**40 + 9, "device": "cpu", "theory": {**theory, **changes}}


class Theory(cli.CliTest):
    def run_theory(self, content, *args, out="out"):
        out = self.folder / out
        printed = cli.run_ok("theory", self.write("config.json", content), "--out", out, "--quiet", *args)
        return printed, out

    @staticmethod
    def rows(path):
        with open(path) as file:
            return list(csv.DictReader(file))

    def check_against_numpy(self, content, rtol):
        _, out = self.run_theory(content, out=f"out{len(list(self.folder.iterdir()))}")
        theory = content["theory"]
        model, curves = Model(content["seed"], theory), self.rows(out / "curves.csv")
        for rate in theory["rates"]:
            for decay in theory["decay_times"]:
                rows = [r for r in curves if float(r["rate"]) == rate and int(r["decay_at"]) == decay]
                self.assertEqual([int(r["step"]) for r in rows], list(range(theory["steps"] + 1)))
                w = model.start
                for step, row in enumerate(rows):
                    ours = [float(row[key]) for key in ("train_loss", "test_risk", "norm")]
                    np.testing.assert_allclose(ours, model.measures(w), rtol=rtol, err_msg=f"{rate} {decay} {step}")
                    w = w - rate * (theory["factor"] if step >= decay else 1) * model.gradient(w, step, theory["batch"])

    def test_steps_are_those_of_numpy(self):
        self.check_against_numpy(config(), 1e-6)

    def test_larger_batches_other_gammas_and_noise_in_the_data_are_those_of_numpy(self):
        self.check_against_numpy(config(gamma=2, batch=3, steps=40, records=40, decay_times=[10, 30], target_norm=1,
                                        init_norm=1, noise={"kind": "fixed", "std": 0.3}), 1e-6)
        self.check_against_numpy(config(gamma=0.5, batch=0, steps=40, records=40, decay_times=[10, 30]), 1e-6)

    def test_float32_stays_close(self):
        # Allows for 150 roundings of 6e-8, and for cancellation in the losses.
        self.check_against_numpy(config(precision="float32"), 1e-3)

    def test_files_and_what_is_printed(self):
        printed, out = self.run_theory(config(seeds=3, rates=[0.002, 50.0]), "--json")
        result = json.loads(printed)
        self.assertEqual((result["cells"], result["runs"], result["diverged_cells"]), (4, 12, 2))
        diverged = [int(row["diverged"]) for row in self.rows(out / "cells.csv")]
        self.assertEqual(result["cells_with_diverged_runs"], sum(count > 0 for count in diverged))
        names = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
        self.assertEqual(names, {"config.json", "cells.csv", "curves.csv", "phases.csv", "figures/curves.svg",
                                 "figures/decay-time.svg", "figures/phase-diagram.svg", "figures/landscape.svg",
                                 "landscape.h5", "landscape.csv", "report.html"})
        self.assertEqual({str(out / n) for n in names}, set(result["files"]))
        cells = self.rows(out / "cells.csv")
        self.assertEqual([c["ending"] == "diverged" for c in cells], [False, False, True, True])
        self.assertEqual([c["test_risk"] == "" for c in cells], [False, False, True, True])
        self.assertIn("diverged", (out / "figures" / "phase-diagram.svg").read_text())
        again, _ = self.run_theory(cli.read_json(out / "config.json"), "--json")
        self.assertEqual(again, printed)

    def test_the_page_shows_how_runs_ended_the_best_cell_and_the_figures(self):
        printed, out = self.run_theory(config(seeds=3, rates=[0.002, 50.0]), "--json")
        page, best = (out / "report.html").read_text(), json.loads(printed)["best"]
        self.assertIn('<tr><th scope="row">diverged</th><td class="number">2</td>', page)
        self.assertIn("12: 4 cells on 3 data sets", page)
        self.assertIn(f'<th scope="row">Cell</th><td>{best["cell"]}</td>', page)
        self.assertIn(f'<th scope="row">Risk</th><td>{best["test_risk"]:.4g} ±', page)
        self.assertEqual(page.count("<figure>"), 4)
        for figure in (out / "figures").iterdir():
            self.assertIn(figure.read_text(), page)
        self.check_fails(1, ["report", out], "study of the theory", f"thalweg theory {out}/config.json")
        self.assertEqual((out / "report.html").read_text(), page)

    def test_one_data_set_has_no_deviation(self):
        deviations = {}
        for seeds in (1, 2):
            _, out = self.run_theory(config(seeds=seeds), out=f"seeds-{seeds}")
            deviations[seeds] = [row[key] for row in self.rows(out / "cells.csv") for key in row if key.endswith("_std")]
            self.assertEqual("±" in (out / "report.html").read_text(), seeds > 1)
        self.assertEqual(set(deviations[1]), {""})
        self.assertNotIn("", deviations[2])

    def test_threads_do_not_change_a_byte(self):
        read = lambda out: {p.name: p.read_bytes() for p in out.rglob("*.csv")}
        first = read(self.run_theory(config(seeds=3), "--threads", 1)[1])
        self.assertEqual(read(self.run_theory(config(seeds=3), "--threads", 2)[1]), first)

    def test_schedules_and_all_that_diverges(self):
        content = config()
        for key in ("rates", "decay_times", "factor"):
            del content["theory"][key]
        content["theory"]["schedules"] = {"a, b": {"kind": "cosine", "lr": 0.01}, "c": {"kind": "constant", "lr": 1e4}}
        content["theory"]["landscape"]["plane"] = "solutions"
        _, out = self.run_theory(content)
        self.assertEqual([c["cell"] for c in self.rows(out / "cells.csv")], ["a, b", "c"])
        self.assertTrue((out / "figures" / "landscape.svg").exists())
        printed, _ = self.run_theory(config(rates=[1e4]), out="diverged")
        self.assertIn("2 of 2 cells diverged", printed)

    def test_linear_model_has_the_gradient_flow_beside_it(self):
        _, out = self.run_theory(config(gamma=0, batch=0, noise={"kind": "none"}, rates=[1e-3], decay_times=[150]))
        rows = self.rows(out / "curves.csv")
        for key in ("train_loss", "test_risk", "norm"):
            ours, flow = ([float(r[k]) for r in rows] for k in (key, "flow_" + key))
            np.testing.assert_allclose(ours, flow, rtol=5e-3)

    def test_bad_configurations_are_one_clear_error(self):
        for changes, words in (({"samples": 21}, ["theory.samples"]), ({"steps": 0}, ["theory.steps"]),
                               ({"ratess": 1}, ["theory.ratess", "rates"]), ({"decay_times": [151]}, ["theory.decay_times"]),
                               ({"precision": "bf16"}, ["theory.precision"]), ({"noise": 3}, ["theory.noise"])):
            self.check_fails(2, ["theory", self.write("bad.json", config(**changes)), "--out", self.folder / "x"], *words)
        self.check_fails(2, ["theory", self.write("bad.json", {"thery": {}})], "thery")
        self.check_fails(2, ["theory"], "configuration file")
        self.check_fails(1, ["theory", self.folder / "none.json"], "none.json")

    def test_an_interrupt_ends_it_cleanly(self):
        content = config(dimensions=2000, samples=1000, steps=10_000_000, records=2)
        process = cli.start("theory", self.write("long.json", content), "--out", self.folder / "out")
        started = time.monotonic()
        at_work = lambda: cli.handles(process, signal.SIGINT) and time.monotonic() - started > 3
        code = cli.signal_when(process, at_work, signal.SIGINT)
        self.assertEqual(code, 75, process.stderr_text)
        self.assertIn("stopped", process.stderr_text)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()

"""Help, and error messages for wrong command lines, configurations and files."""
import json
import re
import unittest
from pathlib import Path

import torch

import cli
import reference_models
import safetensors_file

USAGE, FAILURE = 2, 1
EXAMPLES = Path(__file__).resolve().parents[2] / "experiments"


def changed(path, value):
    """The small experiment with the key at `path` ("train.batch") set; None removes it."""
    config = cli.experiment_config(cli.MLP, plane={})
    target, *names = config, *path.split(".")
    for name in names[:-1]:
        target = target[int(name)] if isinstance(target, list) else target[name]
    if value is None:
        del target[names[-1]]
    else:
        target[names[-1]] = value
    return config


class Help(cli.CliTest):
    def test_every_command_lists_its_flags_and_examples(self):
        overview = cli.run_ok("--help")
        commands = re.findall(r"^  ([a-z-]+) ", overview, re.MULTILINE)
        self.assertEqual(len(commands), 11)
        needs = {"landscape": "--plane FILE --out SURFACE.h5", "evaluate": "--weights FILE", "train": "CONFIG --out RUN"}
        for command in commands:
            with self.subTest(command=command):
                text = cli.run_ok(command, "--help")
                self.assertIn("--json", text)
                self.assertRegex(text, rf"thalweg {command} {re.escape(needs.get(command, ''))}.*\[OPTION\.\.\.\]\n")
                self.assertEqual(cli.run_ok("help", command), text)
                self.assertRegex(text, rf"Examples:\n(.*\n)*  thalweg {command}")

    def test_version_is_one_line(self):
        self.assertRegex(cli.run_ok("--version"), r"^thalweg \d+\.\d+\.\d+\S* \(.+\)\n$")

    def test_without_a_command_the_list_goes_to_stderr(self):
        result = cli.run()
        self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
        self.assertIn("experiment", result.stderr)


class CommandLines(cli.CliTest):
    def test_wrong_command_lines_are_usage_errors_that_name_the_word(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        for args, word in [
                (["trian"], "trian"), (["train", config, "--out", "x", "--epochs", "3"], "epochs"),
                (["train", config], "--out"), (["train", config, "extra", "--out", "x"], "extra"),
                (["train", config, "--out", "x", "--seed", "many"], "many"), (["evaluate"], "--weights"),
                (["train", config, "--out", "x", "--threads", "-2"], "threads"), (["plane", "--out", "x"], "run"),
                (["train", config, "--out", "x", "--device", "gpu"], "gpu"), (["landscape", "--out", "x.h5"], "--plane"),
                (["plane", self.folder, "--kind", "umap", "--out", "x"], "umap"), (["config", "show", config], "show"),
                (["data", "get", "cifar10"], "get")]:
            with self.subTest(args=args):
                self.check_fails(USAGE, args, word)

    def test_a_flag_that_wants_a_number_is_named(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        for flag, value, word in [("--seed", "-1", "at least 0"), ("--seed", "many", "'many'"), ("--seed", "1.5", "'1.5'"),
                                  ("--threads", "x", "'x'"), ("--threads", "9999", "1024")]:
            self.check_fails(USAGE, ["train", config, "--out", self.folder / "x", flag, value], flag, word)
        lr_range = ["lr-range", config, "--out", self.folder / "x.csv"]
        for flag, value in (("--steps", "ten"), ("--steps", "9"), ("--steps", "1e2"), ("--from", "low"), ("--to", "1x")):
            self.check_fails(USAGE, [*lr_range, flag, value], flag, value)
        self.check_fails(USAGE, ["train", config, "--out", self.folder / "x", "--profile", "few"], "--profile", "few")

    def test_a_wrong_set_is_a_usage_error(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        for assignment, word in [("train.batch", "KEY=VALUE"), ("=3", "KEY=VALUE"), ("train.batch=big", "train.batch"),
                                 ("train.bach=3", "train.batch"), ("train..batch=3", "empty"), ("name.x=3", "name"),
                                 ("branches.7.epochs=3", "branches"), ("landscape.grid=5", "5")]:
            with self.subTest(assignment=assignment):
                self.check_fails(USAGE, ["config", "check", config, "--set", assignment], word)

    def test_a_gpu_that_is_not_there_is_named(self):
        if torch.cuda.is_available():
            self.skipTest("this machine has a GPU")
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        for device in ("cuda", "cuda:3"):
            self.check_fails(FAILURE, ["train", config, "--out", self.folder / "x", "--device", device], device, "cpu")


class Configurations(cli.CliTest):
    def test_a_wrong_key_or_value_is_a_usage_error_that_names_it(self):
        for path, value, *words in [
                ("train.bacth", 3, 'did you mean "train.batch"'), ("sed", 1, "seed"),
                ("train.batch", "64", "train.batch"), ("train.batch", 1.5, "train.batch"),
                ("train.epochs", -1, "train.epochs"), ("train", [], "train"),
                ("train.optimizer.momentum", 1.5, "train.optimizer.momentum"),
                ("train.optimizer", {"momentum": 0, "nesterov": True}, "nesterov"), ("device", 3, "device"),
                ("train.precision", "fp16", "bf16"), ("train.schedule", {"kind": "constant"}, "train.schedule.lr"),
                ("train.schedule.kind", "cosin", "cosine"), ("model.name", "vgg12", "vgg11"),
                ("model.hidden", [16, 0], "model.hidden"), ("data.train_images", -5, "data.train_images"),
                ("branches.0.at_epoch", 9, "branches.0.at_epoch"),
                ("branches.0.until_epoch", 0.5, "branches.0.until_epoch"), ("branches.0.epochs", 3, "until_epoch"),
                ("branches.0.schedule", None, "branches.0.schedule"), ("branches.0.name", "late", "late"),
                ("branches.0.name", "../up", "../up"), ("plane.kind", "tsne", "plane"),
                ("landscape.grid", "5by4", "landscape.grid", "5by4"), ("landscape.grid", "2001x2000", "4000000"),
                ("landscape.range", "1:0,0:1", "landscape.range", "1:0"), ("landscape.tolerance", "much", "landscape.tolerance"),
                ("landscape.splits", ["valid"], "landscape.splits", "valid"), ("landscape.splits", [], "landscape.splits"),
                ("landscape.tolerence", 1, "landscape.tolerance"), ("branchs", [], '"branches"'),
                ("sedes", [1], '"seeds"'), ("train.checkpoint_every", {"hours": 1}, "train.checkpoint_every:"),
                ("landscape.bn", "frozen", "recompute"), ("landscape.bn_images", 1, "landscape.bn_images")]:
            with self.subTest(path=path, value=value):
                self.check_fails(USAGE, ["config", "check", self.write("config.json", changed(path, value))], *words)

    def test_nothing_is_begun_with_a_wrong_configuration(self):
        config = self.write("config.json", changed("landscape.bn", "frozen"))
        for command in ("train", "experiment"):
            self.check_fails(USAGE, [command, config, "--out", self.folder / "out"], "recompute")
        self.assertFalse((self.folder / "out").exists())

    def test_a_study_of_the_theory_and_an_experiment_name_each_others_command(self):
        experiment = self.write("config.json", cli.experiment_config(cli.MLP))
        theory = EXAMPLES / "theory/quick.json"
        for command in ("experiment", "train"):
            self.check_fails(USAGE, [command, theory, "--out", self.folder / "x"], "thalweg theory")
        self.check_fails(USAGE, ["theory", experiment, "--out", self.folder / "x"], "thalweg experiment")
        full = json.loads(cli.run_ok("config", "check", theory))
        line = cli.run_ok("config", "check", theory, "--json")
        self.assertEqual((line.count("\n"), json.loads(line)), (1, full))
        self.assertEqual((full["name"], full["theory"]["dimensions"], full["theory"]["batch"]), ("theory-quick", 100, 1))
        self.assertEqual(json.loads(cli.run_ok("config", "check", self.write("full.json", full))), full)

    def test_what_is_not_json_or_not_an_object_is_a_usage_error(self):
        for text, word in [("", "config.json"), ("{", "line 1"), ('{\n"seed": 1,\n}', "line 3"), ("[]", "object"),
                           ("3", "object"), ('{"seed": 1, "seed": 2}', "twice"), ('{"seed": NaN}', "line 1")]:
            with self.subTest(text=text):
                for flags in [], ["--device", "cpu"], ["--seed", 1], ["--threads", 1]:
                    self.check_fails(USAGE, ["config", "check", self.write("config.json", text), *flags], word)

    def test_a_file_that_is_not_there_is_named(self):
        for path in (self.folder / "none.json", self.folder):
            self.check_fails(FAILURE, ["config", "check", path], str(path))

    def test_check_prints_a_configuration_that_it_prints_again(self):
        folders = EXAMPLES, EXAMPLES / "accuracy", EXAMPLES / "paper"
        sources = [path for folder in folders for path in sorted(folder.glob("*.json"))] + [
            self.write("small.json", cli.experiment_config(cli.VGG)), self.write("empty.json", {}),
            self.write("list.json", cli.experiment_config(
                cli.MLP, branches=[{"at_epoch": [0.1, 0.3], "until_epoch": 2, "schedule": {"kind": "constant", "lr": 1e-3}}]))]
        self.assertGreaterEqual(len(sources), 3)
        for source in sources:
            with self.subTest(source=source.name):
                once = cli.run_ok("config", "check", source)
                self.assertEqual(cli.run_ok("config", "check", self.write("once.json", once)), once)
                other = json.loads(cli.run_ok("config", "check", source, "--set", "train.batch=7", "--seed", "9"))
                expected = json.loads(once)
                expected["train"]["batch"], expected["seed"], expected["seeds"] = 7, 9, []  # one seed replaces all
                self.assertEqual(other, expected)


class Files(cli.CliTest):
    def test_data_that_is_not_there_says_how_to_get_it(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP, {"name": "cifar10", "path": str(self.folder)}))
        result = cli.run("train", config, "--out", self.folder / "run")
        self.assertEqual((result.returncode, result.stdout), (FAILURE, ""))
        for word in (str(self.folder), "thalweg data fetch cifar10", "THALWEG_DATA"):
            self.assertIn(word, result.stderr)

    def test_a_data_file_of_a_wrong_size_or_label_is_named(self):
        cli.write_cifar10(self.folder, 20)
        batch = self.folder / "cifar-10-batches-bin" / "data_batch_1.bin"
        args = ["data", "info", "cifar10", "--path", self.folder]
        whole = batch.read_bytes()
        batch.write_bytes(whole[:-1])
        self.check_fails(FAILURE, args, "data_batch_1.bin")
        batch.write_bytes(whole[:2 * cli.RECORD_BYTES] + b"\x0a" + whole[2 * cli.RECORD_BYTES + 1:])
        self.check_fails(FAILURE, args, "data_batch_1.bin", "10")

    def test_an_output_below_a_file_is_an_error(self):
        file = self.write("file", "")
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        for command in ("train", "experiment"):
            self.check_fails(FAILURE, [command, config, "--out", file / "run"], str(file))

    def test_weights_of_another_network_or_none_are_refused(self):
        config = self.write("config.json", cli.experiment_config(cli.MLP))
        other = self.folder / "other.safetensors"
        safetensors_file.write(other, reference_models.tensors_of(reference_models.make("mlp", hidden=[17])))
        text = self.write("text.safetensors", "not tensors")
        self.check_fails(FAILURE, ["evaluate", "--weights", self.folder / "none"], "none")
        self.check_fails(FAILURE, ["evaluate", "--weights", self.folder], "neither a run")
        far = "x" * 300
        self.check_fails(FAILURE, ["report", far], "xxx", "File name too long")
        self.check_fails(FAILURE, ["evaluate", "--weights", text], "text.safetensors")
        self.check_fails(FAILURE, ["evaluate", "--weights", other], "--config")
        self.check_fails(FAILURE, ["evaluate", "--weights", other, "--config", config], "fc1.weight", "17", "16")
        self.check_fails(USAGE, ["evaluate", "--weights", other, "--config", config, "--split", "valid"], "valid")

    def test_weights_whose_description_is_damaged_are_named(self):
        damaged = self.folder / "damaged.safetensors"
        whole = {"model": cli.MLP, "normalisation": {}, "data": {}}
        for text in ("{", "[]", '{"model": 3}', *(json.dumps(whole | part) for part in
                     ({"model": 3}, {"model": {"name": "none"}}, {"image": "large"}, {"image": [3, 32]}))):
            safetensors_file.write(damaged, reference_models.tensors_of(reference_models.make(**cli.MLP)), {"thalweg": text})
            with self.subTest(text=text):
                self.check_fails(FAILURE, ["plane", damaged, "--kind", "random", "--out", self.folder / "p"], str(damaged))

    def test_folders_without_runs_are_named(self):
        nowhere = self.folder / "nowhere"
        self.check_fails(FAILURE, ["plane", nowhere, "--out", self.folder / "p"], str(nowhere))
        self.check_fails(FAILURE, ["plane", self.folder, "--out", self.folder / "p"], str(self.folder))
        self.check_fails(FAILURE, ["report", nowhere], str(nowhere))
        self.check_fails(FAILURE, ["report", self.folder], str(self.folder))
        self.check_fails(FAILURE, ["landscape", "--plane", nowhere, "--out", self.folder / "s.h5"], str(nowhere))


if __name__ == "__main__":
    unittest.main()

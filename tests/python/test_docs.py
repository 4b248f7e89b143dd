"""Checks the tables of the Markdown documents, and that docs/cli.md matches the command line."""
import json
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "experiments").rglob("*.md"))]
BAR = re.compile(r"(?<!\\)\|")
RULE = re.compile(r"\|( *:?-+:? *\|)+$")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def flags_of(*command):
    """The flags that a command's --help lists at the start of lines."""
    text = subprocess.run([os.environ["THALWEG"], *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +(?:-\w, *)?(--[a-z-]+)", text, re.MULTILINE))


def sections_of(file):
    """The sections under "## TITLE", by title."""
    parts = re.split(r"^## (.*)$", file.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def keys_of(value):
    """All keys of nested objects but names that users choose (of schedules and the like)."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_of(inner) for key, inner in value.items() if key != "schedules"))


class Docs(unittest.TestCase):
    def test_every_row_of_a_table_stands_under_a_head_of_as_many_columns(self):
        self.assertGreater(len(FILES), 5)
        for file in FILES:
            lines, is_code, columns = ["", *file.read_text().splitlines(), ""], False, 0
            for number, line in enumerate(lines):
                is_code ^= line.startswith("```")
                if is_code or not line.startswith("|"):
                    continue
                where = f"{file.relative_to(ROOT)}:{number}: {line[:60]}"
                if not lines[number - 1].startswith("|"):
                    self.assertRegex(lines[number + 1], RULE, where)
                    columns = len(BAR.findall(line))
                self.assertEqual(len(BAR.findall(line)), columns, where)

    def test_the_commands_sections_name_their_flags_and_no_others(self):
        sections = sections_of(ROOT / "docs/cli.md")
        commands = re.findall(r"^\| \[`([a-z-]+)`\]", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
        self.assertGreater(len(commands), 8)
        shared = set(FLAG.findall(sections["Flags of all commands"]))
        for command in commands:
            flags = flags_of(command)
            self.assertIn("--threads", flags, f"the help of {command} was not understood")
            others = re.compile(rf"^.*thalweg (?!{command}\b)[a-z-]+ .*$", re.MULTILINE)  # examples of other commands
            named = set(FLAG.findall(others.sub("", sections[command])))
            self.assertEqual(flags - named - shared, set(), f"{command}: not in docs/cli.md")
            self.assertEqual(named - flags, set(), f"docs/cli.md, {command}: no such flag")

    def test_every_key_of_a_configuration_is_named(self):
        for command, example, file in (("experiment", "demo.json", "configuration.md"), ("theory", "theory/quick.json", "theory.md")):
            text = subprocess.run([os.environ["THALWEG"], "config", "check", ROOT / "experiments" / example],
                                  capture_output=True, text=True, check=True).stdout
            named = set(re.findall(r"`\"?(\w+)\"?(?:`|:)|\"(\w+)\":", (ROOT / "docs" / file).read_text()))
            named = {word for pair in named for word in pair if word}
            keys = keys_of(json.loads(text))
            self.assertGreater(len(keys), 12)
            self.assertEqual(keys - named, set(), f"keys of `thalweg {command}` that docs/{file} does not name")

    def test_folders_include_only_themselves_and_those_before_them(self):
        order = re.findall(r"^\d+\. `(\w+)`:", (ROOT / "README.md").read_text(), re.MULTILINE)
        self.assertEqual(set(order), {path.name for path in (ROOT / "src").iterdir() if path.is_dir()})
        may_include = {f"src/{folder}": {*order[:place + 1], *(("models", "data") if place >= order.index("train") else ())}
                       for place, folder in enumerate(order)}
        may_include |= {folder: {"base", "io", "nn", folder} for folder in ("models", "data")}
        for folder, allowed in may_include.items():
            for file in (ROOT / folder).iterdir():
                if file.suffix in (".h", ".cpp", ".cu", ".cuh"):
                    included = set(re.findall(r'^#include "(\w+)/', file.read_text(), re.MULTILINE)) - {"thalweg"}
                    self.assertEqual(included - allowed, set(), f"{file.relative_to(ROOT)} includes")


if __name__ == "__main__":
    unittest.main()

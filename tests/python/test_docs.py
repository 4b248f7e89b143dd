"""The documents as a reader of Markdown sees them, and what they say of the command line."""
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
    """The flags that a command's --help names at the beginnings of lines."""
    text = subprocess.run([os.environ["THALWEG"], *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +(?:-\w, *)?(--[a-z-]+)", text, re.MULTILINE))


def sections_of(file):
    """The parts under "## TITLE", by title."""
    parts = re.split(r"^## (.*)$", file.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


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


if __name__ == "__main__":
    unittest.main()

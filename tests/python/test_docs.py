"""The documents as a reader of Markdown sees them."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "experiments").rglob("*.md"))]
BAR = re.compile(r"(?<!\\)\|")
RULE = re.compile(r"\|( *:?-+:? *\|)+$")


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


if __name__ == "__main__":
    unittest.main()

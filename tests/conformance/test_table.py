#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_table.py - docs/conformance.md says the truth: each of the 19 rules has tests, each test
that it names exists, and no test of a rule is missing from it.

    tests/conformance/test_table.py --write      make the table of the page anew

A test belongs to rule 7 when it is called test_rule_07_...; a test program or a part of the
simulator when its comments name `rule 7`, in a list too (`rules 1, 5 to 7`).
"""

import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = SOURCE / "docs" / "conformance.md"
RULES_PAGE = SOURCE / "docs" / "rules.md"
BEGIN = "<!-- table: made by tests/conformance/test_table.py --write -->"
END = "<!-- end of the table -->"
RULES = range(1, 20)
HEADER = 12  # lines at the beginning of a test program that may say what it protects

TEST = re.compile(r"^(?:static void| +def) (test_rule_(\d\d)_\w+)\(", re.MULTILINE)
NAMED = re.compile(r"\brules? (\d+(?:(?:,? and |,? to | or |, ?)\d+)*)")


def named_rules(text):
    """Numbers of the rules that a text names."""
    found = set()
    for match in NAMED.finditer(text):
        for part in re.split(r",? and | or |, ?(?!to)", match[1]):
            ends = [int(number) for number in re.findall(r"\d+", part)]
            found.update(range(ends[0], ends[-1] + 1))
    return found & set(RULES)


def sentences():
    """{rule: its sentence}, from docs/rules.md."""
    page = RULES_PAGE.read_text(encoding="utf-8")
    section = page.partition("\n## What must hold\n")[2].partition("\n## ")[0]
    return {int(number): text for number, text in re.findall(r"^(\d+)\. (.*)$", section, re.M)}


def test_files():
    """The files of tests, by path from the root."""
    for path in sorted((SOURCE / "tests").rglob("test_*")):
        if path.suffix in (".c", ".py", ".sh") and path.is_file():
            yield path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")


def find_tests():
    """{rule: {file: [names of tests]}}; a file that only says whom it protects has no names."""
    found = {rule: {} for rule in RULES}
    for path, text in test_files():
        for name, rule in TEST.findall(text):
            found[int(rule)].setdefault(path, []).append(name)
        if path.startswith("tests/conformance/"):
            continue  # their tests say it by their names
        for rule in named_rules(" ".join(text.splitlines()[:HEADER]).replace(" * ", " ")):
            found[rule].setdefault(path, [])
    return found


def find_simulated():
    """{rule: [files of the simulator that watch it]}."""
    found = {rule: [] for rule in RULES}
    for path in sorted((SOURCE / "tests" / "sim").glob("*.c")):
        text = path.read_text(encoding="utf-8").replace("\n * ", " ")
        for rule in named_rules(text):
            found[rule].append(path.relative_to(SOURCE).as_posix())
    return found


def make_table():
    """The table as Markdown."""
    tests, simulated = find_tests(), find_simulated()
    lines = [BEGIN, "", "| rule | its sentence | shown by |", "|---|---|---|"]
    for rule, sentence in sentences().items():
        cells = []
        for path, names in tests[rule].items():
            listed = "".join(f"<br>&nbsp;&nbsp;`{name}`" for name in sorted(names))
            cells.append(f"`{path}`{listed}")
        if simulated[rule]:
            cells.append("in every simulated study: "
                         + ", ".join(f"`{path}`" for path in simulated[rule]))
        text = sentence.replace("|", "\\|")
        lines.append(f"| {rule} | {text} | {'<br>'.join(cells)} |")
    lines += ["", "What a decision of each exploit rule must be, and a value after each explore",
              "rule, as the rule's file states it:", "", "| rule | statement |", "|---|---|"]
    lines += [f"| `{path}` | {statement} |" for path, statement in statements().items()]
    return "\n".join([*lines, "", END])


def statements():
    """{file: the statement of the rule that it defines}."""
    found = {}
    for path in sorted((SOURCE / "src" / "core").glob("expl*_*.c")):
        text = path.read_text(encoding="utf-8")
        match = re.search(r"\.statement = ((?:\"[^\"]*\"\s*)+),", text)
        if match:
            parts = re.findall(r'"([^"]*)"', match[1])
            found[path.relative_to(SOURCE).as_posix()] = "".join(parts)
    return found


def split_page():
    """What is before the table, the table, and what is behind it."""
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    table, end, after = rest.partition(END)
    assert begin and end, f"{PAGE} has no table"
    return before, begin + table + end, after


class Table(unittest.TestCase):

    def rows(self):
        """{rule: its row of the page}."""
        found = re.findall(r"^\| (\d+) \| .*$", split_page()[1], re.MULTILINE)
        lines = [line for line in split_page()[1].splitlines() if re.match(r"\| \d", line)]
        return dict(zip(map(int, found), lines))

    def test_each_rule_has_a_row_with_its_sentence(self):
        rows = self.rows()
        self.assertEqual(list(rows), list(RULES))
        for rule, sentence in sentences().items():
            self.assertIn(sentence, rows[rule])

    def test_each_exploit_and_explore_rule_is_stated(self):
        stated = statements()
        table = split_page()[1]
        self.assertGreaterEqual(len(stated), 7)
        for path, statement in stated.items():
            self.assertIn(f"| `{path}` | {statement} |", table,
                          "run tests/conformance/test_table.py --write")

    def test_each_rule_has_a_test(self):
        for rule, tests in find_tests().items():
            self.assertTrue(tests, f"rule {rule} has no test")

    def test_what_the_page_names_exists(self):
        names = {name for files in find_tests().values() for tests in files.values()
                 for name in tests}
        page = PAGE.read_text(encoding="utf-8")
        for word in re.findall(r"`(test_rule_\w+)`", page):
            self.assertIn(word, names, f"docs/conformance.md names {word}")
        for path in re.findall(r"`((?:tests|src)/[\w/.]+)`", page):
            self.assertTrue((SOURCE / path).exists(), f"docs/conformance.md names {path}")

    def test_no_test_is_missing_from_the_page(self):
        rows = self.rows()
        for rule, files in find_tests().items():
            for path, names in files.items():
                for word in (path, *names):
                    self.assertIn(f"`{word}`", rows[rule],
                                  "run tests/conformance/test_table.py --write")

    def test_lists_of_rules_are_read(self):
        """The reader of comments is itself tested."""
        self.assertEqual(named_rules("Protects rules 11, 12 and 3"), {3, 11, 12})
        self.assertEqual(named_rules("rules 2 to 10, 18 and 19"), {*range(2, 11), 18, 19})
        self.assertEqual(named_rules("the rule 4, and rule 7"), {4, 7})
        self.assertEqual(named_rules("rules of 5, unruly 6, rule 99"), set())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        head, _, tail = split_page()
        PAGE.write_text(head + make_table() + tail, encoding="utf-8")
    else:
        unittest.main(verbosity=2)

# SPDX-License-Identifier: Apache-2.0
"""test_help.py - help, usage, and exit codes that need no study.

Rules: every page of help fits 80x24, has an example and names every option; docs/cli.md is what
the command prints; wrong usage is exit code 2, on stderr, with a hint.
"""
import os
import re
import unittest

from cli_lab import SOURCE, Lab

VERBS = ["init", "check", "run", "resume", "attach", "show", "top", "best", "use", "compare",
         "report", "export", "dashboard", "log", "verify", "replay", "copy", "worker", "version",
         "corpus"]
WITH_JSON = [verb for verb in VERBS if verb not in ("init", "top", "corpus")]


class Help(Lab):
    def page(self, *arguments):
        done = self.pbt(*arguments)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_every_page_fits_a_screen(self):
        for arguments in [["--help"]] + [[verb, "--help"] for verb in VERBS]:
            lines = self.page(*arguments).splitlines()
            self.assertLessEqual(len(lines), 24, arguments)
            self.assertLessEqual(max(map(len, lines)), 80, arguments)

    def test_every_verb_is_listed_and_has_an_example(self):
        listed = re.findall(r"^  (\w+) +\w", self.page("--help"), re.MULTILINE)
        self.assertEqual(listed, VERBS)
        for verb in VERBS:
            page = self.page(verb, "-h")
            self.assertRegex(page, rf"\nexample:\n  pbt {verb}\b")
            self.assertEqual(page, self.page("help", verb))

    def test_every_verb_that_prints_has_json(self):
        for verb in WITH_JSON:
            self.assertIn("--json", self.page(verb, "--help"))

    def test_the_manual_is_the_committed_one(self):
        with open(os.path.join(SOURCE, "docs", "cli.md"), encoding="utf-8") as file:
            self.assertEqual(self.page("manual", "cli"), file.read(),
                             "docs/cli.md is stale: pbt manual cli -o docs/cli.md")

    def test_the_manual_names_every_verb_and_no_hidden_one(self):
        titles = re.findall(r"^## pbt (\w+)$", self.page("manual"), re.MULTILINE)
        self.assertEqual(titles, VERBS)


class Usage(Lab):
    def refuses(self, expected, *arguments):
        done = self.pbt(*arguments, code=2)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, expected)

    def test_a_verb_is_needed(self):
        self.refuses("pbt: a verb is missing\nhint: `pbt --help` lists the verbs\n")

    def test_the_nearest_verb_is_named(self):
        self.refuses('pbt: unknown verb "shwo"\nhint: did you mean `pbt show`?\n', "shwo")
        self.refuses('pbt: unknown verb "zzzzzz"\nhint: `pbt --help` lists the verbs\n', "zzzzzz")

    def test_the_nearest_option_is_named(self):
        self.refuses('pbt run: unknown option "--sede"\nhint: did you mean --seed?\n',
                     "run", "x.yaml", "--sede", "3")
        self.refuses('pbt show: unknown option "--slots=3"\n'
                     "hint: `pbt show --help` lists its options\n", "show", "x", "--slots=3")
        self.refuses('pbt run: unknown option "-x"\nhint: `pbt run --help` lists its options\n',
                     "run", "-x")

    def test_values_are_checked(self):
        self.refuses('pbt run: option --slots takes a whole number from 1 on, not "0"\n',
                     "run", "x.yaml", "--slots", "0")
        self.refuses('pbt run: option --seed takes a whole number, not "-1"\n',
                     "run", "x.yaml", "--seed=-1")
        self.refuses("pbt run: option --seed needs a value: N\n", "run", "x.yaml", "--seed")
        self.refuses("pbt show: option --json takes no value\n", "show", "x", "--json=yes")
        self.refuses('pbt run: option --set takes KEY=VALUE, not "seed"\n'
                     "hint: for instance --set population=8\n", "run", "x", "--set", "seed")

    def test_arguments_are_counted(self):
        self.refuses("pbt copy: an argument is missing: DIR TARGET\n"
                     "hint: usage: pbt copy DIR TARGET [options]\n", "copy", "a")
        self.refuses('pbt show: unexpected argument "b"\nhint: usage: pbt show DIR [options]\n',
                     "show", "a", "b")

    def test_foreign_text_in_complaints_is_escaped(self):
        self.refuses('pbt: unknown verb "\\x1b[2J"\nhint: `pbt --help` lists the verbs\n',
                     "\033[2J")

    def test_a_folder_without_a_study(self):
        for verb in ("show", "best", "log", "verify", "replay", "resume", "worker"):
            self.refuses(f'pbt {verb}: there is no study in "nowhere"\n'
                         "hint: give the folder that `pbt run` made: it holds journal.db\n",
                         verb, "nowhere")

    def test_a_wrong_spec_names_the_place_and_the_nearest_key(self):
        self.write("bad.yaml", "population: 4\nstpes: 3\n")
        done = self.pbt("run", "bad.yaml", code=2)
        self.assertRegex(done.stderr, r'^pbt run: bad\.yaml:2:1: unknown key "stpes"')
        self.assertIn('hint: did you mean "steps"?', done.stderr)
        self.assertFalse(os.path.exists(self.path("study")))

    def test_version(self):
        self.assertRegex(self.pbt("version").stdout, r"^pbt \d+\.\d+\.\d+\n$")
        self.assertEqual(self.pbt("--version").stdout, self.pbt("version").stdout)
        self.assertEqual(self.json("version")["version"], 1)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""test_refused.py - a command that is refused has changed nothing.

Rules: what the machine lacks and what paths do not exist is found before the first write; a new
folder is gone after a refused `pbt run`, an old one is as it was; a refused `pbt resume` has
appended nothing, and a plain one goes on; a journal has one study folder; study.yaml is a
rendering, and whoever edits it hears so.
"""
import os
import unittest

from cli_lab import Lab

# What this machine cannot do, and what is said of it.
IMPOSSIBLE = {
    "trainer.resources.cpus=4000": "a member needs 4000 cpus",
    "trainer.resources.gpus=64": "64 gpus each",
    "trainer.directory=./nowhere": "there is no such folder",
    "trainer.command=[no-such-program]": '"no-such-program" is not in PATH',
    "trainer.command=[./no-such-script]": "no-such-script\" cannot be run: No such file",
    "trainer={builtin: no-such-trainer}": 'no builtin trainer "no-such-trainer"',
}
INITIAL = {
    "initial.checkpoint=./nowhere": "there is no such folder",
    "initial.checkpoint=./train.py": "that is no folder",
}


class Run(Lab):
    def setUp(self):
        super().setUp()
        self.make_spec()

    def refused(self, expected, *arguments):
        self.assertIn(expected, self.pbt("run", "toy.yaml", "-q", *arguments, code=2).stderr)

    def test_a_new_folder_is_gone(self):
        for change, expected in {**IMPOSSIBLE, **INITIAL}.items():
            with self.subTest(change=change):
                self.refused(expected, "--dir", "deep/er/toy", "--set", change)
                self.assertFalse(os.path.exists(self.path("deep")))

    def test_an_old_folder_is_as_it_was(self):
        os.mkdir(self.path("old"))
        self.write("old/mine", "text")
        for change, expected in {**IMPOSSIBLE, **INITIAL}.items():
            self.refused(expected, "--dir", "old", "--set", change)
        self.assertEqual(os.listdir(self.path("old")), ["mine"])

    def test_a_journal_that_cannot_be_made_leaves_nothing(self):
        for journal in ("sqlite:/nowhere/at/all.db", "dir:/dev/null/journal"):
            with self.subTest(journal=journal):
                self.pbt("run", "toy.yaml", "--dir", "deep/er", "--journal", journal, code=3)
                self.assertFalse(os.path.exists(self.path("deep")))

    def test_a_path_too_long_for_sqlite_is_called_so_and_a_folder_journal_works(self):
        deep = os.path.join(*["d" * 99] * 6)
        self.refused("is too long", "--dir", deep)
        self.assertFalse(os.path.exists(self.path("d" * 99)))
        self.pbt("run", "toy.yaml", "--dir", deep, "--journal", "dir", "-q", "--set", "steps=10")

    def test_a_journal_has_one_study_folder(self):
        for scheme in ("sqlite", "dir"):
            with self.subTest(scheme=scheme):
                journal = f"{scheme}:{self.folder}/of-{scheme}"
                self.pbt("run", "toy.yaml", "--dir", scheme, "--journal", journal, "-q")
                self.refused("holds a study already", "--dir", "second", "--journal", journal)
                self.assertFalse(os.path.exists(self.path("second")))
                self.assertIn("good: ", self.pbt("verify", scheme).stdout)

    def test_a_name_of_a_loss_needs_a_goal(self):
        for name in ("val_loss", "WER", "test/mse", "errorRate", "Perplexity", "nll.dev"):
            with self.subTest(name=name):
                for verb in ("run", "check"):
                    said = self.pbt(verb, "toy.yaml", "--set", f"score.name={name}", code=2).stderr
                    self.assertIn("must be minimize or maximize", said)
                self.assertFalse(os.path.exists(self.path("toy")))
        for change in ("score.name=answers", "score.name=power",
                       "score={name: loss, goal: maximize}"):
            self.pbt("run", "toy.yaml", "-q", "--set", "steps=10", "--dir", change[-6:-1],
                     "--set", change)


class Resume(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")

    def events(self):
        return len(self.pbt("log", "toy").stdout.splitlines())

    def test_nothing_is_appended_and_a_plain_resume_goes_on(self):
        before = self.events()
        changes = dict(IMPOSSIBLE)
        for change, expected in INITIAL.items():  # matters to members that are added
            changes[f"population=6 {change}"] = expected
        for change, expected in changes.items():
            with self.subTest(change=change):
                sets = [word for part in change.split(" ", 1 if "population" in change else 0)
                        for word in ("--set", part)]
                said = self.pbt("resume", "toy", "--steps", "80", *sets, code=2).stderr
                self.assertIn(expected, said)
                self.assertEqual(self.events(), before)
        self.pbt("resume", "toy", "-q", "--steps", "80")

    def test_an_initial_checkpoint_that_no_member_needs_may_be_gone(self):
        self.pbt("resume", "toy", "-q", "--steps", "80", "--set", "initial.checkpoint=./gone")

    def test_an_edited_rendering_is_noticed(self):
        self.assertNotIn("study.yaml", self.pbt("resume", "toy").stderr)
        with open(self.path("toy", "study.yaml"), encoding="utf-8") as file:
            text = file.read()
        for edited in (text.replace("steps: 60", "steps: 80"), text + "nonsense: {\n", ""):
            self.write("toy/study.yaml", edited)
            said = self.pbt("resume", "toy").stderr
            self.assertIn('"toy/study.yaml" was changed; it is not read', said)
            self.assertIn("--set KEY=VALUE", said)
        self.write("toy/study.yaml", "# a comment changes nothing\n" + text)
        self.assertNotIn("was changed", self.pbt("resume", "toy").stderr)

    @unittest.skipUnless(os.geteuid() == 0, "giving a folder away needs root")
    def test_whoever_resumes_the_folder_of_another_user_sees_the_command(self):
        os.chown(self.path("toy"), 65534, 65534)
        said = self.pbt("resume", "toy").stderr
        self.assertIn('"toy" belongs to user 65534; its trainer is run as you: python3 train.py',
                      said)


if __name__ == "__main__":
    unittest.main()

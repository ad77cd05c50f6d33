# SPDX-License-Identifier: Apache-2.0
"""test_take_over.py - a study whose journal is elsewhere has one folder.

Rules: a folder that was moved or renamed stays the study's; a copy, and a folder that only names
the journal, are refused by resume and worker, append nothing, and are told how to take over; after
that the old folder is refused; a study of a version without identities gets one at its first
resume; a study whose journal is in its folder has none.
"""
import os
import shutil
import unittest

from cli_lab import Lab


class TakeOver(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("", "--journal", f"sqlite:{self.folder}/elsewhere.db", "-q")

    def events(self, study="toy"):
        return len(self.pbt("log", study).stdout.splitlines())

    def refused(self, study, what):
        before = self.events(study)
        for command in (["resume", study], ["resume", study, "--steps", "90"], ["worker", study]):
            done = self.pbt(*command, code=2)
            self.assertIn(f'"{study}" is {what} of the study, whose journal is elsewhere',
                          done.stderr)
            self.assertIn("--take-over", done.stderr)
        self.assertEqual(self.events(study), before)

    def test_a_folder_that_was_moved_is_the_same(self):
        os.mkdir(self.path("other"))
        os.rename(self.path("toy"), self.path("other", "place"))
        self.pbt("resume", "other/place", "--steps", "80", "-q")
        self.assertIn("good: ", self.pbt("verify", "other/place").stdout)

    def test_a_copy_is_refused_until_it_takes_over(self):
        shutil.copytree(self.path("toy"), self.path("copy"))
        self.refused("copy", "a copy of the folder")
        self.pbt("resume", "toy", "--steps", "80", "-q")
        shutil.rmtree(self.path("copy"))
        shutil.copytree(self.path("toy"), self.path("copy"))
        self.pbt("resume", "copy", "--steps", "90", "-q", "--take-over")
        self.refused("toy", "a copy of the folder")
        self.pbt("resume", "copy", "--steps", "100", "-q")
        self.assertIn("good: ", self.pbt("verify", "copy").stdout)

    def test_a_folder_that_only_names_the_journal_is_refused(self):
        for name in ("checkpoints", "logs"):
            os.makedirs(self.path("made", name))
        shutil.copy(self.path("toy", "journal.url"), self.path("made"))
        self.refused("made", "not the folder")
        self.pbt("show", "made")  # looking is for everybody

    def test_an_older_study_gets_an_identity_at_its_first_resume(self):
        self.pbt("run", "toy.yaml", "--dir", "old", "-q")
        self.assertFalse(os.path.exists(self.path("old", "folder.id")))
        os.rename(self.path("old", "journal.db"), self.path("old.db"))
        self.write("old/journal.url", f"sqlite:{self.folder}/old.db\n")
        self.pbt("worker", "old", "-q")
        self.assertFalse(os.path.exists(self.path("old", "folder.id")))
        self.pbt("resume", "old", "--steps", "80", "-q")
        shutil.copytree(self.path("old"), self.path("copy"))
        self.refused("copy", "a copy of the folder")
        before = self.events("old")
        self.pbt("resume", "old", "-q")
        self.assertEqual(self.events("old"), before)

    def test_a_journal_in_the_folder_needs_none(self):
        self.pbt("run", "toy.yaml", "--dir", "inside", "-q")
        shutil.copytree(self.path("inside"), self.path("copy"))
        self.pbt("resume", "copy", "--steps", "80", "-q")


if __name__ == "__main__":
    unittest.main()

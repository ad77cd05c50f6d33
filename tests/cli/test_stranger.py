# SPDX-License-Identifier: Apache-2.0
"""test_stranger.py - a study folder that a stranger made (docs/security.md).

Rules: a copy holds nothing that a link leads to; a cache that this user's pbt did not write is as
if it were not there, whatever its bytes; looking leaves no trace but the cache of this user.
"""
import os
import pathlib
import random
import unittest

from cli_lab import Lab

SECRET = "what only its owner may read"


class Links(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")
        self.write("secret", SECRET)

    def copied(self):
        """The content of all files of a copy, links not followed."""
        self.pbt("copy", "toy", "copied", "-q")
        return b"".join(path.read_bytes() for path in pathlib.Path(self.path("copied")).rglob("*")
                        if path.is_file() and not path.is_symlink())

    def test_a_copy_renders_the_spec_from_the_journal(self):
        rendering = pathlib.Path(self.path("toy", "study.yaml"))
        before = rendering.read_text(encoding="utf-8")
        rendering.unlink()
        rendering.symlink_to("../secret")
        self.assertNotIn(SECRET.encode(), self.copied())
        self.assertEqual(pathlib.Path(self.path("copied", "study.yaml")).read_text("utf-8"), before)

    def test_logs_that_lead_elsewhere_are_left_out(self):
        os.rename(self.path("toy", "logs"), self.path("elsewhere"))
        self.write("elsewhere/more.log", SECRET)
        os.symlink("../elsewhere", self.path("toy", "logs"))
        self.assertNotIn(SECRET.encode(), self.copied())

    def test_a_link_among_the_logs_stays_a_link(self):
        os.symlink("../../secret", self.path("toy", "logs", "m9.log"))
        self.assertNotIn(SECRET.encode(), self.copied())
        self.assertTrue(os.path.islink(self.path("copied", "logs", "m9.log")))


class Cache(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")
        os.environ["XDG_STATE_HOME"] = self.path("state")
        self.addCleanup(os.environ.pop, "XDG_STATE_HOME")

    def test_bytes_of_a_stranger_are_not_used(self):
        shown = self.pbt("show", "toy").stdout
        os.mkdir(self.path("toy", "cache"))
        dice = random.Random(1)
        for size in (0, 1, 79, 80, 5000, 100000):
            noise = b"pbt summary 2\n\0\0" + dice.randbytes(size)
            for text in (noise, noise[:16] + b"\0" * size, noise[:16] + b"\xff" * size):
                pathlib.Path(self.path("toy", "cache", "summary")).write_bytes(text)
                self.assertEqual(self.pbt("show", "toy").stdout, shown)

    def test_what_is_no_file_is_not_opened(self):
        shown = self.pbt("show", "toy").stdout
        os.mkdir(self.path("toy", "cache"))
        os.mkfifo(self.path("toy", "cache", "summary"))
        self.assertEqual(self.pbt("show", "toy", timeout=20).stdout, shown)

    def test_a_small_study_makes_no_key(self):
        self.pbt("show", "toy")
        self.assertFalse(os.path.exists(self.path("state")))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""test_every_journal.py - every verb that takes a study, on every form that its journal can have.

Rules: a verb does not know where the journal is: it works on a file, a folder, a database and what
journal.url names; what leads out of the folder is followed only where the user wrote it, or names
it with --journal.
"""
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import unittest
import urllib.request

from cli_lab import PBT, Lab

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
import postgres_server  # noqa: E402 pylint: disable=wrong-import-position

FORMS = ["sqlite", "dir", "sqlite:URL", "dir:URL", "postgresql:URL"]
STRANGER = 65534  # a user who is not us

# Verbs that only print, with what they print of every study.
PRINTING = {
    "show": (["show", "toy"], "best"),
    "show full": (["show", "toy", "--json", "--full"], '"segments"'),
    "best": (["best", "toy"], "checkpoint"),
    "log": (["log", "toy"], "member"),
    "verify": (["verify", "toy"], "good: "),
    "export": (["export", "toy", "--csv", "-"], "member,group"),
    "report": (["report", "toy", "-o", "-"], "<!"),
    "attach": (["attach", "toy"], "best"),
    "worker": (["worker", "toy"], "best"),
    "resume": (["resume", "toy"], "best"),
}


def words_of(form, folder, server):
    """What `pbt run` gets for this form: --journal and its value."""
    if form == "postgresql:URL":
        return ["--journal", server.url() + "#toy"]
    if form.endswith(":URL"):
        return ["--journal", f"{form.split(':')[0]}:{folder}/elsewhere"]
    return ["--journal", form]


class EveryJournal(Lab):
    server = None

    @classmethod
    def setUpClass(cls):
        if postgres_server.programs() is not None:
            cls.server = postgres_server.Server()
            cls.addClassCleanup(cls.server.stop)

    def forms(self):
        """Each form with a study of its own that has ended."""
        for form in FORMS:
            if form == "postgresql:URL" and self.server is None:
                continue
            with self.subTest(form=form):
                shutil.rmtree(self.folder)
                os.mkdir(self.folder)
                self.run_toy("", *words_of(form, self.folder, self.server), "-q")
                yield form
                if form == "postgresql:URL":
                    self.server.sql("DELETE FROM pbt.study")

    def served(self, *arguments):
        """What the dashboard of `arguments` serves as the study's document."""
        child = self.start("dashboard", *arguments, "--port", "0")
        address = child.stdout.readline().strip()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        browser.open(address, timeout=20).close()
        with browser.open(re.sub(r"\?.*", "", address) + "document.json", timeout=20) as answer:
            document = answer.read().decode()
        child.terminate()
        child.wait()
        return document

    def show_top(self):
        """pbt top on a terminal, until q."""
        master, slave = pty.openpty()
        try:
            with subprocess.Popen([PBT, "top", "toy"], cwd=self.folder, stdin=slave, stdout=slave,
                                  stderr=slave, start_new_session=True,
                                  env={**os.environ, "TERM": "xterm"}) as child:
                os.close(slave)
                shown = b""
                while b"best" not in shown:
                    shown += os.read(master, 65536)
                os.write(master, b"q")
                self.assertEqual(child.wait(timeout=60), 0)
        finally:
            os.close(master)

    def print_all(self):
        for name, (command, expected) in PRINTING.items():
            with self.subTest(verb=name):
                self.assertIn(expected, self.pbt(*command).stdout)
        with self.subTest(verb="top"):
            self.show_top()

    def serve(self):
        self.assertIn('"segments"', self.served("toy"))
        names = [name for name in ("journal.db", "journal", "journal.url")
                 if os.path.exists(self.path("toy", name))]
        self.assertEqual(len(names), 1)
        self.assertIn('"segments"', self.served(f"toy/{names[0]}"))

    def copy(self):
        self.pbt("copy", "toy", "copied", "-q")
        self.assertIn("good: ", self.pbt("verify", "copied").stdout)
        self.assertEqual(self.json("show", "copied")["best"], self.json("show", "toy")["best"])

    def test_every_verb(self):
        for form in self.forms():
            self.print_all()
            with self.subTest(form=form, verb="dashboard"):
                self.serve()
            with self.subTest(form=form, verb="copy"):
                self.copy()
            with self.subTest(form=form, verb="replay"):
                self.assertIn("its schedule", self.pbt("replay", "toy", "--seeds", "1").stdout)
            with self.subTest(form=form, verb="resume"):
                self.pbt("resume", "toy", "--steps", "80", "-q")
                self.assertEqual(self.json("show", "toy")["counts"]["segments"], 4 * 8)

    def test_a_folder_of_studies_of_all_forms_is_listed(self):
        self.make_spec()
        os.mkdir(self.path("all"))
        for form in FORMS[:4]:
            self.pbt("run", "toy.yaml", "--dir", f"all/{form.replace(':', '-')}", "-q",
                     "--set", "steps=10",
                     *[word.replace("elsewhere", "at-" + form.replace(":", "-"))
                       for word in words_of(form, self.folder, None)])
        child = self.start("dashboard", "all", "--port", "0")
        address = child.stdout.readline().strip()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(address, timeout=20) as answer:
            page = answer.read().decode()
        for form in FORMS[:4]:
            self.assertIn(f'href="{form.replace(":", "-")}/"', page)


class Elsewhere(Lab):
    """A folder that leads out of itself."""

    TAKING = [["show", "toy"], ["show", "toy", "--json", "--full"], ["best", "toy"],
              ["log", "toy"], ["verify", "toy"], ["export", "toy", "--csv", "-"],
              ["report", "toy", "-o", "-"], ["attach", "toy"], ["worker", "toy"],
              ["resume", "toy"], ["resume", "toy", "--steps", "90"], ["copy", "toy", "copied"],
              ["replay", "toy"], ["dashboard", "toy", "--port", "0"]]

    def setUp(self):
        super().setUp()
        self.url = f"sqlite:{self.folder}/elsewhere.db"
        self.run_toy("", "--journal", self.url, "-q")

    def test_whoever_may_read_the_folder_may_read_the_url(self):
        for mode in (0o700, 0o750, 0o755):
            name = f"mode-{mode:o}"
            os.mkdir(self.path(name), mode)
            self.pbt("run", "toy.yaml", "--dir", name, "-q", "--set", "steps=10", "--journal",
                     f"sqlite:{self.folder}/{name}.db")
            there = os.stat(self.path(name, "journal.url")).st_mode & 0o777
            self.assertEqual(there, mode & 0o666, name)

    def test_a_link_in_the_place_of_the_url_is_not_followed(self):
        os.rename(self.path("toy", "journal.url"), self.path("other.url"))
        os.symlink("../other.url", self.path("toy", "journal.url"))
        for command in self.TAKING:
            if command[0] == "dashboard":
                continue  # it serves the message
            self.assertIn('"toy/journal.url" is a symbolic link, which is not followed',
                          self.pbt(*command, code=2).stderr, command)

    def test_the_url_that_the_user_names_must_be_the_one_of_the_folder(self):
        for command in self.TAKING[:4]:
            self.pbt(*command, "--journal", self.url)
            self.assertIn(f'the journal of "toy" is "{self.url}", not "sqlite:/another.db"',
                          self.pbt(*command, "--journal", "sqlite:/another.db", code=2).stderr)

    @unittest.skipUnless(os.geteuid() == 0, "giving a file away needs root")
    def test_the_url_of_another_user_is_followed_only_when_the_user_names_it(self):
        os.chown(self.path("toy", "journal.url"), STRANGER, STRANGER)
        for command in self.TAKING:
            if command[0] == "dashboard":
                continue
            refused = self.pbt(*command, code=2).stderr
            self.assertIn(f'"toy/journal.url" belongs to user {STRANGER}, not to you', refused)
            self.assertIn(self.url, refused)
            self.assertIn("--journal URL", refused)
            self.assertFalse(os.path.exists(self.path("copied")))
            self.pbt(*command, "--journal", self.url)
            shutil.rmtree(self.path("copied"), ignore_errors=True)
            shutil.rmtree(self.path("toy-replay"), ignore_errors=True)

    @unittest.skipUnless(os.geteuid() == 0, "giving a link away needs root")
    def test_a_link_of_another_user_in_the_place_of_the_journal_is_not_followed(self):
        os.remove(self.path("toy", "journal.url"))
        os.symlink("../elsewhere.db", self.path("toy", "journal.db"))
        self.pbt("show", "toy")
        os.lchown(self.path("toy", "journal.db"), STRANGER, STRANGER)
        self.assertIn("symbolic link of user", self.pbt("show", "toy", code=2).stderr)


if __name__ == "__main__":
    unittest.main()

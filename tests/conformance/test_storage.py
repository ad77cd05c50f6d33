#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_storage.py - rule 12 where storage refuses: a disk that is full, folders that may not be
written to, a finished study that may only be read.

The tests that mount a small file system need root; those of a user without permission become
`nobody` when root runs them, since nothing is refused to root.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from real_study import PBT, Study, main

NOBODY = 65534
READERS = (("show",), ("best",), ("log",), ("log", "--json"), ("verify",), ("best", "--schedule"))


def mount(case, target, *options):
    """Mount something at `target` until the test ends; skip the test where that is not allowed."""
    if os.geteuid() != 0:
        case.skipTest("only root may mount")
    target.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(target)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        case.skipTest(f"cannot mount: {done.stderr.strip()}")
    case.addCleanup(subprocess.run, ["umount", "--lazy", str(target)], check=False)


class Full(unittest.TestCase):
    """A study in a file system of 3 MB that somebody else fills up."""

    def setUp(self):
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="pbt-conf-"))
        self.addCleanup(shutil.rmtree, self.disk, ignore_errors=True)
        mount(self, self.disk, "-t", "tmpfs", "-o", "size=3m", "pbt-conformance")
        self.filler = self.disk / "filler"

    def fill(self):
        """Take all the room that is left, and what is given back in the next moments."""
        with open(self.filler, "ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def study(self, **fixed):
        study = Study(self, steps=400, fixed={"sleep": 0.02, **fixed})
        study.dir = self.disk / "study"
        study.environment["PBT_PATIENCE"] = "1"
        return study

    def run_until_full(self, study):
        """Run, fill the disk, wait for the end; what the log held before."""
        process = study.start_run()
        study.wait_reports(8)
        before = study.log_lines()
        self.fill()
        answer = study.finish(process)
        self.assertEqual(answer.code, 3, answer)
        self.assertRegex(answer.err, "No space left on device|disk is full|no room")
        self.assertIn(str(study.dir), answer.err)
        study.alone()
        return before

    def go_on(self, study, before):
        """Make room, resume, and look whether all is there."""
        self.filler.unlink()
        study.is_prefix(before, study.log_lines())
        study.pbt("resume", study.dir, "--quiet")
        study.is_prefix(before, study.log_lines())
        study.sound()

    def test_rule_12_a_full_disk_stops_a_study_and_loses_nothing(self):
        study = self.study()
        before = self.run_until_full(study)
        # what was appended can still be read, without any room
        study.is_prefix(before, study.log_lines())
        self.go_on(study, before)

    def test_rule_15_no_room_for_checkpoints_is_not_the_trainers_fault(self):
        """The journal can be appended to, but trainers cannot save: their errors do not count
        against their members, whose retries would be used up in no time."""
        study = self.study(size=40_000)
        study.dir = study.folder / "study"
        study.spec["trainer"]["retries"] = 1
        study.write_spec()
        place = study.dir / "checkpoints"
        place.mkdir(parents=True)
        mount(self, place, "-t", "tmpfs", "-o", "size=2m", "pbt-conformance")
        self.filler = place / "filler"
        before = self.run_until_full(study)
        self.go_on(study, before)

    def test_rule_12_a_disk_that_is_full_for_a_moment_stops_nothing(self):
        study = self.study()
        study.environment["PBT_PATIENCE"] = "30"
        process = study.start_run()
        study.wait_reports(8)
        self.fill()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            pass
        self.filler.unlink()
        self.assertEqual(study.finish(process).code, 0)
        study.sound()

    def test_rule_12_a_disk_too_small_from_the_beginning(self):
        study = self.study()
        self.fill()
        answer = study.run(code=3)
        self.assertIn(str(study.dir), answer.err)
        study.alone()
        self.filler.unlink()
        # what was begun is no study: the same command works once there is room
        study.run()
        study.sound()


class Refused(unittest.TestCase):
    """As a user who may not write."""

    def setUp(self):
        self.study = Study(self, steps=60)
        self.folder = self.study.folder
        self.prefix = ()
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("setpriv is not installed")
            self.prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        # the build folder may be closed to others
        self.copy = self.folder / "pbt"
        shutil.copy(PBT, self.copy)
        self.copy.chmod(0o755)

    def refused(self, *arguments, code=None):
        """Run pbt as that user."""
        self.study.program = str(self.copy)
        answer = self.study.pbt(*arguments, code=code, prefix=self.prefix)
        self.study.program = PBT
        return answer

    def lock(self, folder):
        """Nobody may write to it any more."""
        subprocess.run(["chmod", "-R", "a-w,a+rX", folder], check=True)
        self.addCleanup(subprocess.run, ["chmod", "-R", "u+w", folder], check=False)

    def test_rule_12_a_folder_that_may_not_be_written_to_is_named(self):
        place = self.folder / "closed"
        place.mkdir()
        self.lock(place)
        answer = self.refused("run", self.study.spec_file, "--dir", place / "study", code=3)
        self.assertIn(f'"{place / "study"}"', answer.err)
        self.assertIn("Permission denied", answer.err)
        self.assertEqual(os.listdir(place), [])

    def test_rule_12_resume_without_permission_says_so_and_changes_nothing(self):
        self.study.run()
        before = self.study.log_lines()
        self.lock(self.study.dir)
        answer = self.refused("resume", self.study.dir, "--steps", "120", code=3)
        self.assertIn(str(self.study.dir), answer.err)
        self.assertRegex(answer.err, "(?i)permission denied|read-only|cannot be written")
        self.assertEqual(self.study.log_lines(), before)

    def test_rule_12_a_study_that_may_not_be_read_is_named(self):
        self.study.run()
        next(self.study.dir.glob("journal*")).chmod(0o000)
        for verb in ("show", "log", "best", "verify", "resume"):
            answer = self.refused(verb, self.study.dir, code=3)
            self.assertIn(str(self.study.dir / "journal"), answer.err)
            self.assertRegex(answer.err, "(?i)permission denied")

    def look(self, directory, run):
        """All that only reads says the same as it says to the owner, and leaves nothing behind."""
        self.study.run()
        wanted = {verb: self.study.pbt(verb[0], self.study.dir, *verb[1:]).out for verb in READERS}
        directory()
        files = sorted(str(path) for path in self.study.dir.rglob("*"))
        for verb in READERS:
            answer = run(verb[0], self.study.dir, *verb[1:], code=0)
            self.assertEqual((answer.out, answer.err), (wanted[verb], ""))
        self.assertEqual(sorted(str(path) for path in self.study.dir.rglob("*")), files)

    def test_rule_12_a_finished_study_is_read_without_permission_to_write(self):
        self.look(lambda: self.lock(self.study.dir), self.refused)

    def test_rule_12_a_finished_study_is_read_from_a_read_only_file_system(self):
        def remount():
            mount(self, self.study.dir, "--bind", str(self.study.dir))
            done = subprocess.run(["mount", "-o", "remount,bind,ro", str(self.study.dir)],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.skipTest(f"cannot mount read-only: {done.stderr.strip()}")

        self.look(remount, self.study.pbt)


if __name__ == "__main__":
    main()

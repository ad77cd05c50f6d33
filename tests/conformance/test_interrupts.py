#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_interrupts.py - rule 12 (and 15): Ctrl-C stops a study cleanly and says how to go on.

Once in a terminal, where the whole foreground group gets SIGINT, and once sent to `pbt` alone.
"""

import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from real_study import PATIENCE, PBT, Study, main, wait_for

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Terminal:
    """A command in a terminal of its own, whose keys we press."""

    def __init__(self, study, *arguments):
        self.shown = b""
        try:
            self.pid, self.screen = pty.fork()
        except OSError as error:  # a container without /dev/pts
            raise unittest.SkipTest(f"no pseudo-terminal here: {error}") from error
        if self.pid == 0:
            try:
                os.chdir(study.folder)
                os.execve(PBT, ["pbt", *map(str, arguments)],
                          {**study.environment, "TERM": "xterm", "COLUMNS": "100"})
            finally:
                os._exit(99)
        study.case.addCleanup(os.close, self.screen)
        self.ended = None

    def read(self):
        """Take what is on the screen now; a full screen would stop the command."""
        while select.select([self.screen], [], [], 0)[0]:
            try:
                part = os.read(self.screen, 65536)
            except OSError:
                return  # nobody holds the terminal any more
            if not part:
                return
            self.shown += part

    def press(self, key):
        os.write(self.screen, key)

    def poll(self):
        """Exit code; None while it runs."""
        self.read()
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.ended = os.waitstatus_to_exitcode(status)
        return self.ended

    def wait(self):
        wait_for(lambda: self.poll() is not None, "the end of the command in the terminal")
        self.read()
        return self.ended

    def text(self):
        return self.shown.decode(errors="replace").replace("\r\n", "\n")


class Interrupts(unittest.TestCase):

    def setUp(self):
        self.study = Study(self, steps=400, fixed={"sleep": 0.05, "spawn": True})

    def go_on(self, text):
        """Run the command that was printed, as it was printed."""
        found = re.search(r"^\s*(pbt resume .*\S)\s*$", text, re.MULTILINE)
        self.assertTrue(found, f"no command to resume in: {text}")
        before = self.study.log_lines()
        environment = dict(self.study.environment)
        environment["PATH"] = os.path.dirname(PBT) + ":" + environment.get("PATH", DEFAULT_PATH)
        done = subprocess.run(["sh", "-c", found[1]], env=environment, cwd=self.study.folder,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.study.is_prefix(before, self.study.log_lines())
        self.study.sound()

    def check_stopped(self):
        """Nothing runs, the journal says goodbye, nothing is claimed."""
        self.study.alone()
        self.study.tidy()
        show = self.study.show()
        self.assertEqual((show["status"], show["running"]), ("interrupted", []))
        self.assertEqual(self.study.log()[-1]["type"], "leave")
        self.assertEqual({event["outcome"] for event in self.study.log("report")}, {"done"})
        self.study.pbt("verify", self.study.dir)

    def test_rule_12_an_interrupt_to_pbt_alone(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                self.setUp()
                process = self.study.start("run", self.study.spec_file, "--dir", self.study.dir)
                self.study.wait_reports(5)
                process.send_signal(number)
                answer = self.study.finish(process)
                self.assertEqual(answer.code, 130, answer)
                self.check_stopped()
                self.go_on(answer.err)

    def test_rule_12_ctrl_c_in_a_terminal(self):
        """Also with a folder whose name must be quoted for a shell."""
        self.study.dir = self.study.folder / "it's my study"
        terminal = Terminal(self.study, "run", self.study.spec_file, "--dir", self.study.dir)

        def has_begun():
            self.assertIsNone(terminal.poll(), terminal.text())
            return self.study.reports() >= 5

        wait_for(has_begun, "5 reports")
        terminal.press(b"\x03")
        self.assertEqual(terminal.wait(), 130, terminal.text())
        self.check_stopped()
        self.go_on(terminal.text())

    def stubborn(self):
        """A study whose trainers hang in their third segment and ignore TERM, with more grace than
        anybody waits: after 12 reports."""
        self.study = Study(self, fixed={"sleep": 0.05, "stubborn": 3})
        self.study.spec["trainer"]["limits"]["grace"] = "10m"
        self.study.write_spec()

    def test_rule_15_a_second_interrupt_ends_without_grace(self):
        self.stubborn()
        process = self.study.start("run", self.study.spec_file, "--dir", self.study.dir)
        self.study.wait_reports(12)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        self.assertIsNone(process.poll(), "the trainers were given no grace")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        answer = self.study.finish(process)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(answer.code, 130, answer)
        self.study.alone()
        self.study.pbt("verify", self.study.dir)
        self.assertIn("pbt resume", answer.err)

    def test_rule_15_a_second_ctrl_c_in_a_terminal(self):
        self.stubborn()
        terminal = Terminal(self.study, "run", self.study.spec_file, "--dir", self.study.dir)
        wait_for(lambda: terminal.poll() is None and self.study.reports() >= 12, "12 reports")
        time.sleep(0.3)
        terminal.press(b"\x03")
        time.sleep(0.5)
        terminal.press(b"\x03")
        self.assertEqual(terminal.wait(), 130, terminal.text())
        self.study.alone()
        self.study.pbt("verify", self.study.dir)

    def test_rule_12_what_ends_trainers_and_worker_alike_fails_no_segment(self):
        """As a launcher ends a job: every process is told, in whatever order."""
        study = Study(self, fixed={"sleep": 0.5})
        process = study.start_run()
        study.wait_reports(1)
        for trainer in study.trainers():
            os.kill(trainer, signal.SIGTERM)
        time.sleep(0.2)
        process.terminate()
        self.assertEqual(study.finish(process).code, 130)
        self.assertEqual([one for one in study.log("report") if one["outcome"] != "done"], [])
        study.pbt("resume", study.dir, "--quiet")
        study.sound()

    def test_rule_15_a_trainer_that_is_told_to_end_alone_has_failed(self):
        study = Study(self, fixed={"sleep": 0.2})
        process = study.start_run()
        study.wait_reports(1)
        os.kill(study.trainers()[0], signal.SIGTERM)
        self.assertEqual(study.finish(process).code, 0)
        failed = [one["message"] for one in study.log("report") if one["outcome"] != "done"]
        self.assertEqual(failed, ["the trainer was killed by signal 15 (Terminated)"])
        study.sound()

    def test_rule_12_an_interrupt_before_anything_was_reported(self):
        """While trainers start, and at any other early instant."""
        for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
            with self.subTest(delay=delay):
                self.setUp()
                process = self.study.start_run()
                wait_for(lambda: self.study.dir.exists() or process.poll() is not None, "a folder")
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                answer = self.study.finish(process)
                self.assertIn(answer.code, (130, -signal.SIGINT), answer)
                self.study.alone()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""test_top.py - pbt top on a real (pseudo) terminal.

Rules: q, Ctrl-C and a hang-up end it and the terminal is as before; it follows the study and the
terminal's size; Ctrl-Z gives the terminal back; without a terminal it says what to use instead.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unittest

from cli_lab import PBT, Lab

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?7h\x1b[?25h\x1b[?1049l"


class Screen:
    """`pbt top` in a terminal of its own."""

    def __init__(self, lab, study="toy", rows=24, columns=80):
        self.shown = ""
        self.master, self.slave = pty.openpty()
        lab.addCleanup(self.close)
        self.resize(rows, columns)
        self.modes = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
                for stream in range(3):
                    os.dup2(self.slave, stream)
                os.chdir(lab.folder)
                os.execve(PBT, ["pbt", "top", study],
                          {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C"})
            finally:
                os._exit(99)
        self.ended = None

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while self.master >= 0 and select.select([self.master], [], [], 0)[0]:
            try:
                self.shown += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                return

    def frame(self):
        """The lines of the last whole frame."""
        self.read()
        frames = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.shown, re.DOTALL)
        return frames[-1].replace("\x1b[2K", "").replace("\r", "").split("\n") if frames else []

    def press(self, keys):
        os.write(self.master, keys)

    def poll(self):
        self.read()
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended

    def hang_up(self):
        os.close(self.master)
        os.close(self.slave)
        self.master = self.slave = -1

    def close(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.master >= 0:
            self.hang_up()


class Top(Lab):
    def setUp(self):
        super().setUp()
        self.make_spec("fixed: {pause: 0.05}\n")
        self.start("run", "toy.yaml", "-q")
        self.wait_for_segments(1)
        self.screen = Screen(self)
        self.wait_for(self.screen.frame)

    def ends_in_order(self):
        self.wait_for(lambda: self.screen.poll() is not None)
        self.assertEqual(self.screen.ended, 0)
        self.assertEqual(self.screen.shown.count(ENTER), self.screen.shown.count(LEAVE))
        self.assertTrue(self.screen.shown.endswith(LEAVE), repr(self.screen.shown[-80:]))
        self.assertEqual(termios.tcgetattr(self.screen.slave), self.screen.modes)

    def test_q_ends_it(self):
        self.screen.press(b"q")
        self.ends_in_order()

    def test_ctrl_c_ends_it(self):
        self.screen.press(b"\x03")
        self.ends_in_order()

    def test_being_asked_to_end(self):
        os.kill(self.screen.pid, signal.SIGTERM)
        self.ends_in_order()

    def test_other_keys_do_not(self):
        self.screen.press(b"x\x1b[A\n ")
        time.sleep(0.5)
        self.assertIsNone(self.screen.poll())
        self.screen.press(b"q")
        self.ends_in_order()

    def test_a_hang_up_ends_it(self):
        self.screen.hang_up()
        self.wait_for(lambda: self.screen.poll() is not None)

    def test_it_follows_the_study(self):
        def steps():
            return int(re.search(r"(\d+)/240 steps", "\n".join(self.screen.frame()))[1])
        before = steps()
        self.wait_for(lambda: steps() > before)
        self.wait_for(lambda: any("rank  member" in line for line in self.screen.frame()))
        self.wait_for(lambda: "toy  ended (budget)" in self.screen.frame()[0])
        self.assertIsNone(self.screen.poll(), "the last picture stays until somebody quits")
        self.screen.press(b"q")
        self.ends_in_order()

    def test_it_obeys_the_size(self):
        for rows, columns in ((10, 40), (5, 20), (2, 7), (1, 1), (60, 200)):
            self.screen.resize(rows, columns)
            self.wait_for(lambda: len(self.screen.frame()) <= rows
                          and max(map(len, self.screen.frame())) <= columns)
        self.wait_for(lambda: len(self.screen.frame()) > 10)

    def test_ctrl_z_gives_the_terminal_back(self):
        self.screen.press(b"\x1a")
        self.wait_for(lambda: os.waitid(os.P_PID, self.screen.pid,
                                        os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
        self.screen.read()
        self.assertTrue(self.screen.shown.endswith(LEAVE))
        self.assertEqual(termios.tcgetattr(self.screen.slave), self.screen.modes)
        os.kill(self.screen.pid, signal.SIGCONT)
        self.wait_for(lambda: self.screen.frame() and self.screen.shown.count(ENTER) == 2)
        self.screen.press(b"q")
        self.ends_in_order()


class Elsewhere(Lab):
    def test_without_a_terminal(self):
        self.run_toy("", "-q")
        said = self.pbt("top", "toy", code=2)
        self.assertEqual(said.stdout, "")
        self.assertIn("not a terminal", said.stderr)
        self.assertIn("hint: `pbt show DIR`", said.stderr)

    def test_without_a_study(self):
        screen = Screen(self, study="nothing")
        self.wait_for(lambda: screen.poll() is not None)
        self.assertEqual(screen.ended, 2)
        self.assertIn("there is no study", screen.shown)
        self.assertNotIn(ENTER, screen.shown)


if __name__ == "__main__":
    try:
        for descriptor in pty.openpty():
            os.close(descriptor)
    except OSError as error:  # a container without /dev/pts
        print(f"no pseudo-terminal here: {error}")
        sys.exit(77)
    unittest.main()

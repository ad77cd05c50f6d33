#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_over_postgres.py - rules 11 and 12 over a journal in PostgreSQL: the tests of same studies,
two workers and kills, unchanged, and what a database server adds: it is stopped hard and started
again, it refuses, it holds many studies.

The server is one of Debian's packages, started here. Where it is not installed this is skipped.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import
import postgres_server  # noqa: E402

if postgres_server.programs() is None:
    print("skipped: PostgreSQL is not installed", file=sys.stderr)
    sys.exit(77)
SERVER = postgres_server.Server()
os.environ["PBT_TEST_JOURNAL"] = f"--journal {SERVER.url()}"  # before real_study is imported

import subprocess  # noqa: E402
import time  # noqa: E402
import unittest  # noqa: E402

import real_study  # noqa: E402
from real_study import PBT, Study, wait_for  # noqa: E402
from test_kills import *  # noqa: E402,F401,F403
from test_same_study import *  # noqa: E402,F401,F403
from test_two_workers import *  # noqa: E402,F401,F403


class Places(unittest.TestCase):

    def run_with_eight(self, journal):
        """The same generational study, by eight workers."""
        kept, real_study.JOURNAL = real_study.JOURNAL, journal
        try:
            study = Study(self, seed=11, population=8, steps=100,
                          strategy={"name": "pbt", "mode": "generational"}, fixed={"sleep": 0.01})
            first = study.start_run("--slots", "1")
            study.wait_reports(1)
            others = [study.start("worker", study.dir, "--quiet", "--slots", "1")
                      for _ in range(7)]
            for process in (first, *others):
                self.assertEqual(study.finish(process).code, 0)
            study.sound()
            return study.outcome()
        finally:
            real_study.JOURNAL = kept

    def test_rule_11_eight_workers_decide_the_same_wherever_the_journal_is(self):
        sqlite = self.run_with_eight([])
        self.assertEqual(len([key for key in sqlite if key[2] == "decision"]), 8 * 5)
        self.assertEqual(self.run_with_eight(["--journal", "dir"]), sqlite)
        self.assertEqual(self.run_with_eight(real_study.JOURNAL), sqlite)


class Failing(unittest.TestCase):
    """A server that goes away and comes back."""

    def test_rule_12_a_server_that_is_stopped_hard_and_started_again_costs_nothing(self):
        study = Study(self, steps=600, fixed={"sleep": 0.02})
        first = study.start_run()
        study.wait_reports(4)
        second = study.start("worker", study.dir, "--quiet", "--slots", "2")
        wait_for(lambda: len(study.log("worker")) == 2, "the second worker")
        before = study.log_lines()
        for away in (0.2, 1.5):
            SERVER.halt("immediate")
            time.sleep(away)
            SERVER.start()
            time.sleep(1.0)
            lines = study.log_lines()
            study.is_prefix(before, lines)
            before = lines
        for process in (first, second):
            answer = study.finish(process)
            self.assertEqual(answer.code, 0, answer)
        study.is_prefix(before, study.log_lines())
        study.sound()

    def test_rule_12_a_worker_that_begins_while_the_server_is_away_waits_for_it(self):
        study = Study(self, steps=400, fixed={"sleep": 0.05})
        first = study.start_run()
        study.wait_reports(4)
        SERVER.halt("immediate")
        try:
            study.environment["PBT_PATIENCE"] = "0"
            answer = study.pbt("worker", study.dir, "--quiet", code=3)
            self.assertIn("trying again for 0 s", answer.err)
            del study.environment["PBT_PATIENCE"]
            second = study.start("worker", study.dir, "--quiet", "--slots", "2")
            wait_for(lambda: "trying again for 60 s" in second.outputs[1].read_text(),
                     "what it says")
        finally:
            SERVER.start()
        for process in (first, second):
            answer = study.finish(process)
            self.assertEqual(answer.code, 0, answer)
        self.assertEqual(len({event["worker"] for event in study.log("claim")}), 2)
        study.sound()

    def test_rule_12_a_server_that_stays_away_ends_the_run_and_it_is_resumed(self):
        study = Study(self, steps=600, fixed={"sleep": 0.02})
        study.environment["PBT_PATIENCE"] = "1"
        process = study.start_run()
        study.wait_reports(4)
        before = study.log_lines()
        SERVER.halt("immediate")
        self.addCleanup(SERVER.sql, "SELECT 1")  # it is back for the others
        answer = study.finish(process)
        SERVER.start()
        self.assertEqual(answer.code, 3, answer)
        study.alone()
        study.is_prefix(before, study.log_lines())
        study.pbt("resume", study.dir, "--quiet")
        study.sound()


class Refusing(unittest.TestCase):
    """What a user reads when the server says no. No message holds a password."""

    def refused(self, url, password=None, code=3):
        study = Study(self, steps=20)
        study.environment["PGPASSFILE"] = "/nonexistent"
        if password is not None:
            study.environment["PGPASSWORD"] = password
        answer = study.pbt("run", study.spec_file, "--dir", study.dir, "--journal", url, "--quiet",
                           code=code)
        self.assertNotIn(password or postgres_server.PASSWORD, answer.out + answer.err)
        if code == 2:
            self.assertFalse(study.dir.exists())
        return answer.err

    def test_rule_12_a_wrong_password_is_said_and_not_shown(self):
        err = self.refused(SERVER.url("127.0.0.1"), "opensesame")
        self.assertIn('password authentication failed for user "pbt"', err)
        self.assertIn("PGPASSWORD", err)

    def test_rule_12_a_missing_password_is_said(self):
        self.assertIn("no password supplied", self.refused(SERVER.url("127.0.0.1")))

    def test_rule_12_a_password_in_the_url_is_refused(self):
        url = SERVER.url("127.0.0.1").replace("pbt@", "pbt:opensesame@")
        err = self.refused(url, code=2)
        self.assertIn("must not hold a password", err)
        self.assertNotIn("opensesame", err)

    def test_rule_12_what_is_no_place_for_a_journal_is_refused(self):
        self.assertIn("cannot be used from everywhere", self.refused("dir:relative", code=2))
        self.assertIn('called "mysql"', self.refused("mysql://a:opensesame@b/c", code=2))

    def test_rule_12_a_malformed_url_is_refused_without_showing_it(self):
        err = self.refused("postgresql://pbt:opensesame@[::1/pbt", code=2)
        self.assertIn("not well-formed", err)
        self.assertNotIn("opensesame", err)

    def test_rule_12_a_database_that_is_not_there_is_named(self):
        err = self.refused(SERVER.url().replace("/pbt?", "/absent?"))
        self.assertIn('database "absent" does not exist', err)
        self.assertIn("createdb", err)

    def test_rule_12_nobody_listening_is_said(self):
        port = postgres_server.free_port()
        err = self.refused(f"postgresql://pbt@127.0.0.1:{port}/pbt")
        self.assertIn("Connection refused", err)

    def test_rule_12_with_the_right_password_a_study_runs_over_tcp(self):
        study = Study(self, steps=40)
        study.environment["PGPASSWORD"] = postgres_server.PASSWORD
        study.pbt("run", study.spec_file, "--dir", study.dir, "--quiet", "--journal",
                  SERVER.url("127.0.0.1").replace("postgresql:", "postgres:"))
        study.sound()
        url = (study.dir / "journal.url").read_text(encoding="utf-8")
        self.assertNotIn(postgres_server.PASSWORD, url)


class Copies(unittest.TestCase):

    def test_rule_12_a_copy_needs_no_server(self):
        """Its journal is a file, whatever the original's is."""
        study = Study(self, steps=60)
        study.run()
        target = study.folder / "copy"
        study.pbt("copy", study.dir, target)
        self.assertTrue((target / "journal.db").exists())
        before = study.log_lines()
        after = subprocess.run([PBT, "log", target, "--json"], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        self.assertEqual(after, before)
        study.pbt("verify", target)


def main():
    try:
        real_study.main()
    finally:
        SERVER.stop()


if __name__ == "__main__":
    main()

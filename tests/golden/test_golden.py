#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/golden - journals of every version of the format fold and verify for ever.

Each folder holds a journal.db as some version wrote it, and log.jsonl, what `pbt log --json` said
of it then. Neither is ever changed; a new version of the format adds a folder. Both are read from a
copy, since a journal is not to be touched by reading it: that is checked, too.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

GOLDEN = pathlib.Path(os.environ["PBT_SOURCE_DIR"]) / "tests" / "golden"
PBT = os.environ["PBT_BIN"]


def run(*arguments):
    return subprocess.run([PBT, *arguments], capture_output=True, text=True, check=False)


class Golden(unittest.TestCase):
    def each(self):
        folders = sorted(path.parent for path in GOLDEN.glob("*/journal.db"))
        self.assertGreaterEqual(len(folders), 2)
        for folder in folders:
            with tempfile.TemporaryDirectory() as place, self.subTest(folder.name):
                copy = pathlib.Path(place) / "study"
                copy.mkdir()
                shutil.copy(folder / "journal.db", copy)
                yield folder, copy
                self.assertEqual((copy / "journal.db").read_bytes(),
                                 (folder / "journal.db").read_bytes())

    def test_every_decision_is_made_again(self):
        for _, copy in self.each():
            done = run("verify", str(copy), "--no-checkpoints", "--json")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_log_says_what_it_said_then(self):
        for folder, copy in self.each():
            done = run("log", str(copy), "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            now = [json.loads(line) for line in done.stdout.splitlines()]
            then = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
            self.assertEqual(len(now), len(then))
            for event, before in zip(now, then):  # members may be added to the schema, none lost
                del before["text"]  # for people: it may be put better one day
                self.assertEqual({key: event.get(key) for key in before}, before)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_damaged_study.py - rule 12 against disks that lie: a journal that was truncated or had bits
flipped is either read right or refused by name, never half believed; `verify` finds damage in
checkpoints.

tests/journal/test_journal_damage.c tries every bit of the journal's headers through the library;
here whole commands are run at places drawn from PBT_DAMAGE_SEED (printed).
"""

import json
import os
import random
import shutil
import sys
import unittest

from real_study import Study, main

SEED = int(os.environ.get("PBT_DAMAGE_SEED", "1"))
PLACES = 40
READERS = (("show", "--json"), ("log", "--json"), ("best", "--json"), ("verify", "--json"))


class Damage(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        print(f"seed: PBT_DAMAGE_SEED={SEED}", file=sys.stderr)

    def setUp(self):
        self.study = Study(self, population=4, steps=500)
        self.study.run()
        self.whole = self.study.folder / "whole"
        self.study.dir.rename(self.whole)
        self.journal = (self.whole / "journal.db").read_bytes()
        self.good = {}
        self.restore(self.journal)
        for verb in READERS:
            self.good[verb] = self.study.pbt(verb[0], self.study.dir, verb[1]).out

    def restore(self, journal):
        """The study as it was, with this journal."""
        shutil.rmtree(self.study.dir, ignore_errors=True)
        shutil.copytree(self.whole, self.study.dir, symlinks=True)
        (self.study.dir / "journal.db").write_bytes(journal)

    def look(self, what):
        """Each reader says the truth, or that it cannot, naming the file. How many could not."""
        refused = 0
        for verb in READERS:
            answer = self.study.pbt(verb[0], self.study.dir, verb[1], code=None)
            self.assertIn(answer.code, (0, 1, 3), f"{verb} of {what}: {answer!r}")
            if answer.code == 0:
                self.assertEqual(answer.out, self.good[verb], f"{verb} of {what}")
                continue
            refused += 1
            self.assertIn("journal.db", answer.err + answer.out, f"{verb} of {what}")
            if answer.code == 1:
                self.assertEqual(verb[0], "verify", f"{what}: {answer!r}")
                self.assertFalse(json.loads(answer.out)["good"])
        return refused

    def test_rule_12_a_truncated_journal_is_read_right_or_refused(self):
        dice = random.Random(SEED)
        sizes = {0, 1, 99, 100, 4095, 4096, 8192, len(self.journal) - 1}
        while len(sizes) < PLACES:
            sizes.add(dice.randrange(len(self.journal)))
        refused = 0
        for size in sorted(sizes):
            self.restore(self.journal[:size])
            refused += self.look(f"{size} of {len(self.journal)} bytes") > 0
        # the end of the file may be a page without use
        self.assertGreater(refused, len(sizes) // 2)

    def test_rule_12_a_journal_with_a_flipped_bit_is_read_right_or_refused(self):
        dice = random.Random(SEED)
        refused = 0
        for _ in range(PLACES):
            place, bit = dice.randrange(len(self.journal)), dice.randrange(8)
            broken = bytearray(self.journal)
            broken[place] ^= 1 << bit
            self.restore(bytes(broken))
            refused += self.look(f"bit {bit} of byte {place} flipped") > 0
        self.assertGreater(refused, 0)

    def test_rule_12_resume_refuses_a_damaged_journal(self):
        """And leaves it as it is: others may be able to save something."""
        dice = random.Random(SEED + 1)
        for number in range(PLACES // 4):
            broken = bytearray(self.journal)
            if number % 2:
                del broken[dice.randrange(len(broken)):]
            else:
                start = dice.randrange(len(broken) - 64)
                broken[start:start + 64] = dice.randbytes(64)
            self.restore(bytes(broken))
            answer = self.study.pbt("resume", self.study.dir, "--steps", "540", "--quiet",
                                    code=None)
            self.assertIn(answer.code, (0, 3), answer)
            if answer.code == 3:
                self.assertIn("journal.db", answer.err)
            else:
                self.study.pbt("verify", self.study.dir)
        self.study.alone()

    def test_rule_12_rubbish_in_place_of_a_journal_is_refused(self):
        for rubbish in (b"", b"hello\n", b"SQLite format 3\0" + bytes(5000), bytes(100_000)):
            self.restore(rubbish)
            self.assertEqual(self.look(f"rubbish {rubbish[:8]!r}"), len(READERS))


class WriteAhead(unittest.TestCase):
    """A study whose `pbt` was killed: its last appends are in the write-ahead log."""

    def test_rule_12_a_damaged_write_ahead_log_costs_at_most_its_end(self):
        dice = random.Random(SEED)
        study = Study(self, steps=2000)
        process = study.start_run()
        study.wait_reports(30)
        process.kill()
        process.wait()
        study.alone()
        whole = study.folder / "whole"
        study.dir.rename(whole)
        shutil.copytree(whole, study.dir)
        lines = study.log_lines()
        content = (whole / "journal.db-wal").read_bytes()
        self.assertGreater(len(content), 4096)
        shorter = 0
        for number in range(PLACES):
            broken = bytearray(content)
            place = dice.randrange(len(broken))
            if number % 2:
                del broken[place:]
            else:
                broken[place] ^= 1 << dice.randrange(8)
            shutil.rmtree(study.dir)
            shutil.copytree(whole, study.dir)
            (study.dir / "journal.db-wal").write_bytes(broken)
            answer = study.pbt("log", study.dir, "--json", code=None)
            self.assertIn(answer.code, (0, 3), answer)
            if answer.code == 0:
                study.is_prefix(answer.out.splitlines(), lines)
                shorter += len(answer.out.splitlines()) < len(lines)
            else:
                self.assertIn("journal.db", answer.err)
        self.assertGreater(shorter, 0)


class Checkpoints(unittest.TestCase):

    def setUp(self):
        self.study = Study(self, population=4, steps=80, fixed={"size": 3000})
        self.study.run()
        self.name = self.study.checkpoints()[0]
        self.path = self.study.dir / "checkpoints" / self.name
        self.study.pbt("verify", self.study.dir)

    def found(self):
        """verify says that this checkpoint is not good, and nothing else."""
        answer = json.loads(self.study.pbt("verify", self.study.dir, "--json", code=1).out)
        self.assertEqual([problem["kind"] for problem in answer["problems"]], ["checkpoint"])
        self.assertIn(self.name, answer["problems"][0]["text"])
        self.assertIn(self.name, self.study.pbt("verify", self.study.dir, code=1).out)

    def test_rule_12_verify_finds_a_flipped_bit_in_a_checkpoint(self):
        file = self.path / "filler.bin"
        content = bytearray(file.read_bytes())
        for place in (0, 1500, 2999):
            broken = bytearray(content)
            broken[place] ^= 1
            file.write_bytes(broken)
            self.found()
        file.write_bytes(content)
        self.study.pbt("verify", self.study.dir)

    def test_rule_12_verify_finds_a_missing_checkpoint(self):
        shutil.rmtree(self.path)
        self.found()

    def test_rule_12_verify_finds_missing_and_additional_files(self):
        (self.path / "more").write_bytes(b"")
        self.found()
        (self.path / "more").unlink()
        (self.path / "filler.bin").rename(self.study.folder / "filler.bin")
        self.found()

    def test_rule_05_a_member_whose_checkpoint_is_gone_is_revived(self):
        """It fails, is counted as failed, and starts again from another member."""
        self.study.spec["trainer"]["retries"] = 1
        lost = [name for name in self.study.checkpoints() if name.startswith("m2.s")][-1]
        shutil.rmtree(self.study.dir / "checkpoints" / lost)
        self.study.pbt("resume", self.study.dir, "--steps", "160", "--set", "trainer.retries=1",
                       "--quiet")
        outcomes = [event["outcome"] for event in self.study.log("report")
                    if event["member"] == 2 and event["outcome"] != "done"]
        self.assertIn("checkpoint", outcomes)
        whys = [event["why"] for event in self.study.log("decision") if event["member"] == 2]
        self.assertIn("revived", whys)
        show = self.study.show()
        self.assertEqual((show["status"], show["stop"]), ("ended", "budget"))


if __name__ == "__main__":
    main()

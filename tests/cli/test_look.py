# SPDX-License-Identifier: Apache-2.0
"""test_look.py - show, best, log, verify and copy on studies that have ended.

Rules: what --json prints is what docs/json.md says; the schedule is the same in every format;
verify finds a changed checkpoint, a changed journal and a missing file; a study opens from a folder
that may not be written to.
"""
import ast
import json
import os
import re
import shutil
import subprocess
import unittest

from cli_lab import PBT, SOURCE, Lab


def documented(title):
    """The members that docs/json.md names for a verb: in its table's first column or its text."""
    with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as file:
        section = file.read().split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", " ".join(rows) if rows else section)) | {"version"}


class Look(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("strategy: {controls: {independent: 1}}\n", "-q")

    def test_show_is_as_documented(self):
        names = set(self.json("show", "toy"))
        self.assertEqual(names, documented("pbt show, run, resume, attach, worker")
                         - {"lineage", "schedule"})
        self.assertEqual(len(self.json("show", "toy", "--leaders", "2")["leaders"]), 2)

    def test_best_is_as_documented(self):
        found = self.json("best", "toy")
        self.assertEqual(set(found), documented("pbt best"))
        self.assertTrue(os.path.isdir(found["path"]))
        ages = [(row["from"], row["to"]) for row in found["lineage"]]
        self.assertEqual(ages[0][0], 0)
        self.assertEqual(ages[-1][1], found["best"]["age"])
        self.assertEqual([to for _, to in ages[:-1]], [since for since, _ in ages[1:]])
        self.assertEqual(found["schedule"][-1]["hyperparameters"], found["hyperparameters"])

    def test_log_is_as_documented(self):
        with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as file:
            section = file.read().split("## pbt log\n")[1].split("\n## ")[0]
        allowed = {"version", "seq", "time", "type", "text"}
        rows = {}
        for types, members in re.findall(r"^\| (`\w+`(?:, `\w+`)?) \| (.*) \|$", section,
                                         re.MULTILINE):
            for kind in re.findall(r"`(\w+)`", types):
                rows[kind] = set(re.findall(r"`(\w+)`", members))
        seen = set()
        lines = self.pbt("log", "toy", "--json").stdout.splitlines()
        for number, line in enumerate(lines, 1):
            event = json.loads(line)
            self.assertEqual((event["version"], event["seq"]), (1, number))
            self.assertLessEqual(set(event) - allowed, rows[event["type"]])
            seen.add(event["type"])
        self.assertGreaterEqual(seen, {"study", "worker", "claim", "report", "decision", "leave"})

    def test_log_can_be_narrowed(self):
        everything = self.pbt("log", "toy").stdout.splitlines()
        self.assertEqual(len(everything), self.json("show", "toy")["seq"])
        self.assertEqual(self.pbt("log", "toy", "--since", "10").stdout.splitlines(),
                         everything[10:])
        mine = self.pbt("log", "toy", "--member", "2", "--json").stdout.splitlines()
        for event in map(json.loads, mine):
            self.assertIn(2, (event.get("member"), event.get("opponent")))
        self.assertGreater(len(mine), 12)

    def test_a_reader_that_leaves_early_is_no_error(self):
        text = subprocess.run(["bash", "-c", f"set -o pipefail; {PBT} log toy | head -n 1"],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        self.assertIn("the study begins", text.stdout)
        self.assertEqual(text.stderr, "")

    def test_the_schedule_is_the_same_in_every_format(self):
        schedule = self.json("best", "toy")["schedule"]
        csv = self.pbt("best", "toy", "--schedule", "--format", "csv").stdout.splitlines()
        self.assertEqual(csv[0], "from,to,lr")
        python = self.pbt("best", "toy", "--format=python").stdout
        scope = {}
        exec(compile(ast.parse(python), "schedule", "exec"), scope)  # what its user would do
        for row, line, pair in zip(schedule, csv[1:], scope["schedule"]):
            since, until, lr = line.split(",")
            self.assertEqual((int(since), int(until)), (row["from"], row["to"]))
            self.assertEqual(float(lr), row["hyperparameters"]["lr"])
            self.assertEqual(pair, (row["from"], row["hyperparameters"]))
        self.assertEqual(len(schedule), len(csv) - 1)
        self.assertEqual(scope["hyperparameters"](schedule[-1]["to"]),
                         schedule[-1]["hyperparameters"])

    def test_the_best_checkpoint_can_be_copied_out(self):
        path = self.json("best", "toy", "--copy-to", "winner")["path"]
        with open(os.path.join(path, "state.json"), encoding="utf-8") as file:
            with open(self.path("winner", "state.json"), encoding="utf-8") as copy:
                self.assertEqual(file.read(), copy.read())
        self.pbt("best", "toy", "--copy-to", "winner", code=2)

    def test_verify_is_as_documented(self):
        found = self.json("verify", "toy")
        self.assertLessEqual(set(found), documented("pbt verify"))
        self.assertTrue(found["good"])
        self.assertEqual(found["decisions"], self.json("show", "toy")["counts"]["segments"])
        self.assertEqual(found["checkpoints"],
                         self.json("show", "toy")["checkpoints"]["count"])

    def checkpoint(self):
        path = self.json("best", "toy")["path"]
        return os.path.join(path, "state.json")

    def test_verify_finds_a_flipped_bit_in_a_checkpoint(self):
        file = self.checkpoint()
        with open(file, "r+b") as handle:
            byte = handle.read(1)[0]
            handle.seek(0)
            handle.write(bytes([byte ^ 1]))
        problems = self.json("verify", "toy", code=1)["problems"]
        self.assertEqual([problem["kind"] for problem in problems], ["checkpoint"])
        self.assertIn("the content of checkpoint", problems[0]["text"])
        self.pbt("verify", "toy", "--no-checkpoints")

    def test_verify_finds_a_missing_and_a_longer_file(self):
        with open(self.checkpoint(), "ab") as handle:
            handle.write(b" ")
        self.assertIn("that were reported", self.pbt("verify", "toy", code=1).stdout)
        shutil.rmtree(os.path.dirname(self.checkpoint()))
        self.assertIn("not good", self.pbt("verify", "toy", code=1).stdout)

    def test_verify_finds_a_flipped_bit_in_the_journal(self):
        with open(self.path("toy", "journal.db"), "r+b") as handle:
            data = bytearray(handle.read())
            at = data.index(b'"x"') if b'"x"' in data else len(data) - 200
            data[at] ^= 1
            handle.seek(0)
            handle.write(data)
        found = self.json("verify", "toy", code=1)
        self.assertFalse(found["good"])
        self.assertEqual(found["problems"][0]["kind"], "journal")

    def test_a_truncated_journal_is_a_storage_error(self):
        path = self.path("toy", "journal.db")
        os.truncate(path, os.path.getsize(path) // 2)
        self.assertIn("pbt show: ", self.pbt("show", "toy", code=3).stderr)

    def test_a_copy_is_a_study_of_its_own(self):
        found = self.json("copy", "toy", "other")
        self.assertEqual(set(found), documented("pbt copy"))
        for name in ("journal.db", "study.yaml", "checkpoints", "logs"):
            self.assertTrue(os.path.exists(self.path("other", name)), name)
        self.assertEqual(self.pbt("log", "toy").stdout, self.pbt("log", "other").stdout)
        shutil.rmtree(self.path("toy"))
        self.assertTrue(self.json("verify", "other")["good"])
        self.pbt("resume", "other", "--steps", "80", "-q")
        self.assertEqual(self.json("show", "other")["steps_done"], 400)
        self.pbt("copy", "other", "other", code=2)

    def test_a_read_only_folder_can_be_looked_at(self):
        os.chmod(self.folder, 0o755)
        for folder, folders, files in os.walk(self.path("toy")):
            for name in folders + files:
                path = os.path.join(folder, name)
                os.chmod(path, 0o555 if os.path.isdir(path) else 0o444)
        os.chmod(self.path("toy"), 0o555)
        self.addCleanup(subprocess.run, ["chmod", "-R", "u+w", self.folder], check=False)
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        prefix = user if os.geteuid() == 0 else []
        for arguments in (["show"], ["best"], ["log"], ["verify"]):
            done = subprocess.run([*prefix, PBT, *arguments, "toy"], cwd=self.folder, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        done = subprocess.run([*prefix, PBT, "resume", "toy", "--steps", "80"], cwd=self.folder,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)


class CopyLive(Lab):
    def test_a_live_study_can_be_copied(self):
        self.make_spec("fixed: {pause: 0.002}\n")
        run = self.start("run", "toy.yaml", "--quiet")
        copies = 0
        self.wait_for_segments(3)
        while run.poll() is None and copies < 10:
            target = f"copy{copies}"
            self.pbt("copy", "toy", target, "-q")
            self.assertTrue(self.json("verify", target)["good"])
            copies += 1
        self.assertGreater(copies, 0)
        self.assertEqual(run.wait(timeout=90), 0)
        self.pbt("resume", "copy0", "-q")
        self.assertEqual(self.json("show", "copy0")["steps_done"], 240)


if __name__ == "__main__":
    unittest.main()

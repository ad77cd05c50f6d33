# SPDX-License-Identifier: Apache-2.0
"""test_export.py - a study for other programs: CSV, JSON and TensorBoard event files.

Rules: every attempt is there, with what it was trained with, scored and measured; the event files
read with a reader that shares nothing with the writer (checksums, protocol buffers); a run's steps
only grow; hostile names make no folder and no group; what is not ours is never touched.
"""
import csv
import io
import json
import os
import pty
import re
import struct
import subprocess
import unittest

from cli_lab import PBT, SPEC, Lab

HOSTILE = "../../up/down\n\x1b[31m\\"

TRAINER = """
import json, random
import pbt
state = None
for task in pbt.tasks():
    if task.load:
        state = json.loads((task.load / "state.json").read_text())
    elif task.start == "fresh":
        state = {"x": 0.0}
    for step in task.steps:
        state["x"] += task.hp["lr"] * (1.0 - state["x"])
    if random.Random(task.seed).random() < 0.1:
        raise RuntimeError("now and then")
    if task.save:
        (task.save / "state.json").write_text(json.dumps(state))
    metrics = {"loss": 1 - state["x"], %r: 2.5}
    if task.segment > 1:
        metrics["late"] = float("inf")
    task.report(state["x"], **metrics)
""" % HOSTILE

EXTRA = """
score: {name: "a/b"}
strategy: {controls: {independent: 1}}
"""


# -------- an independent reader of event files --------

def crc32c(data):
    """Bit by bit, as RFC 3720 defines it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def unmask(masked):
    turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return (turned << 15 | turned >> 17) & 0xFFFFFFFF


def fields(data):
    """(number, value) of a protocol buffer: int, or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
        if at + size > len(data):
            raise ValueError("a field is cut off")
        yield key >> 3, data[at:at + size]
        at += size


def records(data):
    at = 0
    while at < len(data):
        head = data[at:at + 8]
        size = struct.unpack("<Q", head)[0]
        body = data[at + 12:at + 12 + size]
        sums = struct.unpack("<I", data[at + 8:at + 12]) + struct.unpack(
            "<I", data[at + 12 + size:at + 16 + size])
        if (crc32c(head), crc32c(body)) != tuple(map(unmask, sums)):
            raise ValueError(f"a wrong checksum at byte {at}")
        yield body
        at += 16 + size


def read_events(path):
    """[(wall time, step, {tag: value})], and the version of the file."""
    with open(path, "rb") as file:
        data = file.read()
    events, version = [], None
    for body in records(data):
        event = dict(fields(body))
        wall = struct.unpack("<d", event[1])[0]
        if 3 in event:
            version = event[3].decode()
            continue
        values = {}
        for number, value in fields(event[5]):
            assert number == 1
            parts = dict(fields(value))
            values[parts[1].decode()] = struct.unpack("<f", parts[2])[0]
        events.append((wall, event[2], values))
    return events, version


class Export(Lab):
    def setUp(self):
        super().setUp()
        self.write("train.py", TRAINER)
        self.write("toy.yaml", SPEC.replace("retries: 0", "retries: 2").replace(
            "lr: {type: log, low: 1e-3, high: 0.5}",
            "lr: {type: log, low: 1e-3, high: 0.5}\n"
            "  act: {type: categorical, values: [relu, 'a, \"b\"']}\n"
            "  batch: {type: ordinal, values: [32, 64]}") + EXTRA)
        self.pbt("run", "toy.yaml", "-q", code=1)  # a control is given up: a seed that fails

    def rows(self):
        text = self.pbt("export", "toy", "--csv", "-").stdout
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def segments(self):
        return json.loads(self.pbt("export", "toy", "--json", "-").stdout)["segments"]

    def runs(self, folder="runs"):
        """{run: its events}."""
        found = {}
        for name in sorted(os.listdir(self.path(folder))):
            if name == ".pbt-export":
                continue
            files = os.listdir(self.path(folder, name))
            self.assertEqual(len(files), 1)
            self.assertRegex(files[0], r"^events\.out\.tfevents\.\d{10}\.pbt$")
            found[name], version = read_events(self.path(folder, name, files[0]))
            self.assertEqual(version, "brain.Event:2")
        return found


class Rows(Export):
    def test_csv_has_every_attempt_and_agrees_with_the_document(self):
        rows, document = self.rows(), self.json("show", "toy", "--full")
        segments, codes = document["segments"], document["codes"]
        self.assertEqual(len(rows), segments["total"])
        for place, row in enumerate(rows):
            for name in ("member", "segment", "attempt", "from", "to", "load_ms"):
                self.assertEqual(int(row[name]), segments[name][place])
            parent = segments["parent"][place]
            self.assertEqual(row["parent"], "" if parent < 0 else "m{}.s{}.a{}".format(
                *(segments[name][parent] for name in ("member", "segment", "attempt"))))
            self.assertEqual(row["outcome"], codes["outcome"][str(segments["outcome"][place])])
            score = segments["score"][place]
            if score is None:
                self.assertEqual(row["score"], "")
            else:
                self.assertAlmostEqual(float(row["score"]), score)
            lr = document["values"][0][segments["row"][place]]
            self.assertAlmostEqual(float(row["hp.lr"]), lr)
            self.assertIn(row["hp.act"], ("relu", 'a, "b"'))
            self.assertIn(row["hp.batch"], ("32", "64"))

    def test_metrics_stand_where_they_were_reported(self):
        rows = self.rows()
        outcomes = {row["outcome"] for row in rows}
        self.assertLess({"done"}, outcomes, "some attempt has to fail")
        for row in rows:
            if row["outcome"] != "done":
                self.assertEqual(row["metric.loss"], "")
                continue
            self.assertAlmostEqual(float(row["metric.loss"]), 1 - float(row["score"]))
            self.assertEqual(row["metric." + HOSTILE], "2.5")
            self.assertEqual(row["metric.late"], "inf" if int(row["segment"]) > 1 else "")

    def test_on_a_terminal_what_it_would_obey_is_escaped(self):
        master, slave = pty.openpty()
        try:
            with subprocess.Popen([PBT, "export", "toy", "--csv", "-"], cwd=self.folder,
                                  stdin=slave, stdout=slave, stderr=slave) as child:
                os.close(slave)
                shown = b""
                try:
                    while part := os.read(master, 65536):
                        shown += part
                except OSError:  # the other side is closed
                    pass
                self.assertEqual(child.wait(60), 0)
        finally:
            os.close(master)
        self.assertIn(b"\\x1b[31m", shown)
        self.assertNotIn(b"\x1b", shown)

    def test_json_says_the_same_as_csv(self):
        rows, segments = self.rows(), self.segments()
        self.assertEqual(len(rows), len(segments))
        for row, segment in zip(rows, segments):
            for name in ("member", "segment", "attempt", "from", "to"):
                self.assertEqual(int(row[name]), segment[name])
            self.assertEqual(row["parent"], segment["parent"] or "")
            self.assertEqual(row["ended"], segment["ended"])
            self.assertEqual(float(row["hp.lr"]), segment["hyperparameters"]["lr"])
            self.assertEqual(row["hp.act"], segment["hyperparameters"]["act"])
            if segment["outcome"] == "done":
                self.assertEqual(float(row["score"]), segment["score"])
                self.assertEqual(segment["metrics"][HOSTILE], 2.5)

    def test_an_earlier_export_is_replaced_and_nothing_else(self):
        for kind in ("csv", "json"):
            said = self.pbt("export", "toy", f"--{kind}", "out").stdout
            self.assertRegex(said, r"^out: \d+ segments\n$")
            with open(self.path("out"), encoding="utf-8") as file:
                before = file.read()
            self.pbt("export", "toy", f"--{kind}", "out", "-q")
            with open(self.path("out"), encoding="utf-8") as file:
                self.assertEqual(file.read(), before)
            self.write("mine", "precious\n")
            refused = self.pbt("export", "toy", f"--{kind}", "mine", code=2)
            self.assertIn("hint: name a new file", refused.stderr)
            with open(self.path("mine"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "precious\n")
            os.remove(self.path("out"))

    def test_a_target_is_needed_and_stdout_is_for_one(self):
        self.assertIn("--tensorboard OUT", self.pbt("export", "toy", code=2).stderr)
        self.pbt("export", "toy", "--csv", "-", "--json", "-", code=2)


class Runs(Export):
    def setUp(self):
        super().setUp()
        self.pbt("export", "toy", "--tensorboard", "runs")

    def test_every_done_segment_is_a_point_at_its_age(self):
        expected = sorted((segment["member"], segment["to"], segment["score"])
                          for segment in self.segments() if segment["outcome"] == "done")
        found = []
        for name, events in self.runs().items():
            if name != "winner-lineage":
                member = int(re.match(r"member-(\d+)(-independent)?(\.\d+)?$", name)[1])
                found += [(member, step, values["score/a\\x2fb"])
                          for _, step, values in events]
        self.assertEqual(len(found), len(expected))
        for one, other in zip(sorted(found), expected):
            self.assertEqual(one[:2], other[:2])
            self.assertAlmostEqual(one[2], other[2], 6)

    def test_steps_of_a_run_grow(self):
        runs = self.runs()
        self.assertIn("member-4-independent", runs)
        for name, events in runs.items():
            steps = [step for _, step, _ in events]
            self.assertEqual(steps, sorted(set(steps)), name)

    def test_the_lineage_is_that_of_best(self):
        best = self.json("best", "toy")
        events = self.runs()["winner-lineage"]
        self.assertEqual([step for _, step, _ in events], [row["to"] for row in best["lineage"]])
        for (_, step, values), row in zip(events, best["lineage"]):
            self.assertAlmostEqual(values["score/a\\x2fb"], row["score"], 6)
            now = next(stretch["hyperparameters"] for stretch in best["schedule"]
                       if stretch["from"] < step <= stretch["to"])
            self.assertAlmostEqual(values["hyperparameters/lr"], now["lr"], 6)
            self.assertEqual(values["hyperparameters/batch"], now["batch"])
            self.assertEqual(values["hyperparameters/act"], ["relu", 'a, "b"'].index(now["act"]))

    def test_hostile_names_are_one_plain_tag(self):
        tags = {tag for events in self.runs().values() for _, _, values in events
                for tag in values}
        self.assertEqual(tags, {
            "score/a\\x2fb", "hyperparameters/lr", "hyperparameters/act",
            "hyperparameters/batch", "metrics/loss", "metrics/late",
            "metrics/..\\x2f..\\x2fup\\x2fdown\\x0a\\x1b[31m\\x5c"})

    def test_it_is_replaced_by_a_newer_one(self):
        before = self.runs()
        self.pbt("resume", "toy", "--steps", "80", "-q", code=1)
        self.pbt("export", "toy", "--tensorboard", "runs", "-q")
        after = self.runs()
        self.assertEqual(set(before) - set(after), set())
        self.assertGreater(sum(map(len, after.values())), sum(map(len, before.values())))

    def refuses(self, what, folder):
        before = {root: sorted(names) for root, _, names in os.walk(self.path(folder))}
        refused = self.pbt("export", "toy", "--tensorboard", folder, code=2)
        self.assertIn(what, refused.stderr)
        self.assertIn("hint: ", refused.stderr)
        self.assertEqual({root: sorted(names) for root, _, names in os.walk(self.path(folder))},
                         before)

    def test_what_is_not_ours_is_left_alone(self):
        os.makedirs(self.path("mine", "member-0"))
        self.refuses("member-0", "mine")  # named like ours, but without our mark
        self.write("runs/notes.txt", "precious\n")
        self.refuses("notes.txt", "runs")
        os.remove(self.path("runs", "notes.txt"))
        self.write("runs/member-0/notes.txt", "precious\n")
        self.refuses("member-0", "runs")
        os.remove(self.path("runs", "member-0", "notes.txt"))
        self.pbt("export", "toy", "--tensorboard", "runs", "-q")
        self.write("file", "")
        self.refuses("no folder", "file")

    def test_the_export_of_another_study_is_left_alone(self):
        self.pbt("run", "toy.yaml", "-q", "--dir", "other", "--seed", "9", code=1)
        refused = self.pbt("export", "other", "--tensorboard", "runs", code=2)
        self.assertIn("another study", refused.stderr)

    def test_links_lead_nowhere(self):
        os.makedirs(self.path("outside"))
        self.write("outside/events.out.tfevents.1.pbt", "precious\n")
        for name in os.listdir(self.path("runs", "member-0")):
            os.remove(self.path("runs", "member-0", name))
        os.rmdir(self.path("runs", "member-0"))
        os.symlink(self.path("outside"), self.path("runs", "member-0"))
        self.refuses("member-0", "runs")
        self.assertEqual(os.listdir(self.path("outside")), ["events.out.tfevents.1.pbt"])


if __name__ == "__main__":
    unittest.main()

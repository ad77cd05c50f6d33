# SPDX-License-Identifier: Apache-2.0
"""test_study.py - pbt.Study starts, follows and reads real studies through the command.

The trainer is examples/loop, whose segments take milliseconds.
"""

import csv
import os
import subprocess
import sys
import tempfile
import unittest

import pbt
import pbt.study

SOURCE = os.environ.get("PBT_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TRAINER = os.path.join(SOURCE, "examples", "loop", "train.py")
SPACE = {"lr": pbt.log(1e-4, 1.0), "momentum": pbt.logit(0.1, 0.99)}


class StudyCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pbt-study-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "toy")

    def study(self, **changes):
        keys = {"trainer": TRAINER, "population": 3, "steps": 40, "ready": 20, "space": SPACE,
                "score": pbt.minimize("loss"), "strategy": {"name": "pbt", "mode": "generational"},
                "sync": "normal", "seed": 3, **changes}
        return pbt.Study(self.path, **keys)

    def test_a_study_is_run_and_read(self):
        study = self.study()
        self.assertIn("not started", repr(study))
        self.assertIs(study.run(slots=2, show=False), study)
        self.assertIn("ended, 120 of 120 steps", repr(study))
        best = study.best
        self.assertTrue(best.path.is_dir())
        self.assertEqual(sorted(best.hyperparameters), ["lr", "momentum"])
        schedule = study.schedule()
        rows = schedule if isinstance(schedule, list) else schedule.to_dict("records")
        self.assertEqual((rows[0]["from"], rows[-1]["to"]), (0, best.age))
        page = study._repr_html_()
        self.assertTrue(page.startswith("<iframe srcdoc="))

    def test_segments_are_those_of_the_export(self):
        study = self.study().run(show=False)
        segments = study.segments()
        rows = segments if isinstance(segments, list) else segments.to_dict("records")
        table = subprocess.run([os.environ["PBT_BIN"], "export", self.path, "--csv", "-", "-q"],
                               capture_output=True, text=True, check=True).stdout
        exported = list(csv.DictReader(table.splitlines()))
        self.assertEqual(len(rows), len(exported))
        for row, line in zip(rows, exported):
            self.assertEqual(sorted(row), sorted(line))
            for name in ("hp.lr", "score", "from", "to"):
                self.assertAlmostEqual(row[name], float(line[name]))
            self.assertEqual(row["outcome"], line["outcome"])

    def test_an_opened_study_goes_on(self):
        self.study().run(show=False)
        study = pbt.Study.open(self.path)
        self.assertEqual(study.best.age, pbt.Study.open(self.path).best.age)
        study.resume(steps=60, show=False, strategy__exploit__quantile=0.34)
        self.assertEqual(study.summary()["steps_done"], 180)
        self.assertIn("quantile: 0.34", study.spec())
        with self.assertRaises(pbt.StudyError):
            pbt.Study.open(self.path + "-other")

    def test_check_names_what_is_wrong(self):
        self.assertTrue(self.study().check(steps=5)["good"])
        with self.assertRaises(pbt.StudyError) as caught:
            self.study(population="many").check()
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("population", str(caught.exception))

    def test_the_trainers_traceback_is_in_the_exception(self):
        trainer = os.path.join(os.path.dirname(self.path), "bad.py")
        with open(trainer, "w", encoding="utf-8") as file:
            file.write("import pbt\nfor task in pbt.tasks():\n"
                       "    raise ValueError('the data are gone')\n")
        study = self.study(trainer=trainer)
        with self.assertRaises(pbt.StudyError) as caught:
            study.run(show=False)
        self.assertEqual(caught.exception.code, 1)
        self.assertIn("ValueError: the data are gone", str(caught.exception))

    def test_an_interrupt_stops_in_order_and_resume_goes_on(self):
        # The interrupt comes from a thread that sees the program wait: not before, not elsewhere.
        program = ("import os, pbt, signal, sys, threading\n"
                   f"study = pbt.Study({self.path!r}, trainer={TRAINER!r}, population=3, "
                   f"steps=1000000, ready=20, space={SPACE!r}, score=pbt.minimize('loss'))\n"
                   "study.start(slots=1)\n"
                   "while 'running, ' not in repr(study) or 'running, 0 of' in repr(study): pass\n"
                   "main = threading.main_thread().ident\n"
                   "def interrupt():\n"
                   "    while 'communicate' not in names(): pass\n"
                   "    os.kill(os.getpid(), signal.SIGINT)\n"
                   "def names():\n"
                   "    frame, found = sys._current_frames()[main], []\n"
                   "    while frame:\n"
                   "        found.append(frame.f_code.co_name); frame = frame.f_back\n"
                   "    return found\n"
                   "threading.Thread(target=interrupt).start()\n"
                   "try:\n    study.wait(show=False)\n"
                   "except KeyboardInterrupt:\n    print('stopped', study.running)\n")
        said = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE,
                              text=True, timeout=100, check=False).stdout
        self.assertEqual(said, "stopped False\n")
        study = pbt.Study.open(self.path)
        self.assertEqual(study.summary()["status"], "interrupted")
        with self.assertRaises(pbt.StudyError):
            study.resume(steps=1, show=False)

    def test_specs_are_written_as_they_were_given(self):
        study = self.study(trainer={"builtin": "classify"}, gpus=0.5, ready=None,
                           fixed={"data": "./d"}, stop={"hours": 2})
        text = study.spec()
        for line in ("population: 3", "  builtin: \"classify\"", "  resources: {\"gpus\": 0.5}",
                     'fixed: {"data": "./d"}', 'stop: {"hours": 2}',
                     '  lr: {"type": "log", "low": 0.0001, "high": 1.0}'):
            self.assertIn(line + "\n", text)
        self.assertNotIn("ready", text)
        with self.assertRaises(FileNotFoundError):
            self.study(trainer="/nonexistent/train.py")


if __name__ == "__main__":
    unittest.main(verbosity=2)

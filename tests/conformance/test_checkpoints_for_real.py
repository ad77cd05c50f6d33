#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_checkpoints_for_real.py - rules 1, 13 and 14 on disk: what is loaded, kept and deleted."""

import os
import threading
import time
import unittest

from hill_trainer import digest
from real_study import Study, main


class Loads(unittest.TestCase):
    """What trainers loaded, against what was saved."""

    def check_loads(self, study):
        """Every load had the bytes that were saved; how many loads were another member's."""
        noted = study.noted()
        saved = {task["checkpoint"]: task["saved"] for task in noted}
        self.assertEqual(len(saved), len(noted), "a checkpoint was saved twice")
        taken = 0
        for task in noted:
            if task["start"] == "load":
                self.assertEqual(task["loaded"], saved[task["from"]], task)
                taken += not task["from"].startswith(f'm{task["member"]}.')
        return taken

    def study(self, **spec):
        study = Study(self, **spec)
        study.spec.setdefault("fixed", {})["note"] = str(study.notes)
        study.write_spec()
        return study

    def test_rule_01_a_child_loads_its_donors_checkpoint_byte_for_byte(self):
        study = self.study(fixed={"size": 5000})
        study.run()
        study.sound()
        replaced = [event for event in study.log("decision") if event["kind"] == "replace"]
        self.assertGreater(len(replaced), 3)
        self.assertGreater(self.check_loads(study), 3)
        following = {(task["member"], task["segment"]): task for task in study.noted()}
        for event in replaced:
            task = following[event["member"], event["segment"] + 1]
            self.assertEqual(task["from"].rpartition(".a")[0],
                             f'm{event["opponent"]}.s{event["opponent_segment"]}', event)

    def test_rule_01_a_hot_slot_never_passes_off_other_weights_as_the_childs(self):
        """Slots for all: most members keep their weights in memory, those replaced must not. The
        trainer itself refuses a `keep` of what it does not hold."""
        study = self.study(slots=6)
        study.run()
        study.sound()
        starts = [task["start"] for task in study.noted()]
        self.assertIn("keep", starts)
        self.assertGreater(self.check_loads(study), 0)
        self.assertEqual({event["outcome"] for event in study.log("report")}, {"done"})

    def test_rule_13_a_donors_checkpoint_waits_for_the_slowest_child(self):
        """Two workers go on and delete while children take their time to load."""
        study = self.study(population=8, fixed={"dawdle": 0.05}, steps=160)
        process = study.start_run()
        study.wait_reports(1)
        study.pbt("worker", study.dir, "--quiet", "--slots", "2")
        self.assertEqual(study.finish(process).code, 0)
        study.sound()
        self.assertGreater(self.check_loads(study), 3)
        self.assertEqual({event["outcome"] for event in study.log("report")}, {"done"})


class Kept(unittest.TestCase):
    """All members are best in the middle of their lives and have forgotten it at the end."""

    def study(self, **spec):
        study = Study(self, fixed={"peak": 100}, **spec)
        study.run()
        return study

    def best_reports(self, study):
        """Names of all checkpoints that were reported, the best first."""
        reports = [event for event in study.log("report") if event["outcome"] == "done"]
        reports.sort(key=lambda event: (-event["scores"][-1], event["seq"]))
        return [event["checkpoint"] for event in reports]

    def test_rule_14_the_best_ever_is_kept_and_named(self):
        study = self.study()
        study.sound()
        ranked = self.best_reports(study)
        best = study.show()["best"]
        self.assertEqual(best["checkpoint"], ranked[0])
        self.assertEqual(best["age"], 100)
        self.assertIn(ranked[0], study.checkpoints())
        self.assertEqual(len(study.checkpoints()), study.members + 1, "the last ones and the best")
        self.assertIn(ranked[0], study.pbt("best", study.dir).out)
        target = study.folder / "exported"
        study.pbt("best", study.dir, "--copy-to", target)
        self.assertEqual(digest(target), digest(study.dir / "checkpoints" / ranked[0]))

    def test_rule_14_keep_final_keeps_the_last_of_each_member(self):
        study = self.study(keep="final")
        study.sound()
        self.assertEqual(sorted(name.rpartition(".a")[0] for name in study.checkpoints()),
                         sorted(f"m{member}.s{study.segments}" for member in range(6)))

    def test_rule_14_keep_top_keeps_so_many_of_the_best(self):
        study = self.study(keep={"top": 4})
        names = study.checkpoints()
        for name in self.best_reports(study)[:4]:
            self.assertIn(name, names)
        self.assertLessEqual(len(names), 4 + study.members)
        study.pbt("verify", study.dir)

    def test_rule_14_keep_all_keeps_all(self):
        study = self.study(keep="all")
        self.assertEqual(study.checkpoints(), sorted(self.best_reports(study)))
        study.pbt("verify", study.dir)


class Disk(unittest.TestCase):

    def test_rule_14_disk_use_is_bounded_while_a_study_runs(self):
        """About two a member, one a slot, one kept: looked at all the time. The folder is read in
        one call, so that what is renamed meanwhile is not seen twice."""
        size = 100_000
        study = Study(self, population=8, steps=400, slots=4, fixed={"size": size})
        counts, sizes = [], []

        def look():
            names = study.checkpoints()
            counts.append(len(names))
            total = 0
            for name in names:
                try:
                    total += os.stat(study.dir / "checkpoints" / name / "filler.bin").st_size
                except OSError:
                    pass  # deleted or renamed meanwhile
            sizes.append(total)

        ended = threading.Event()

        def watch():
            while not ended.is_set():
                look()
                time.sleep(0.001)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            study.run()
        finally:
            ended.set()
            watcher.join()
        study.sound()
        bound = 2 * study.members + 4 + 1
        self.assertGreater(len(counts), 50)
        self.assertGreater(max(counts), study.members)
        self.assertLessEqual(max(counts), bound)
        self.assertLessEqual(max(sizes), bound * size)


if __name__ == "__main__":
    main()

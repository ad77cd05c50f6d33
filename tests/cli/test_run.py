# SPDX-License-Identifier: Apache-2.0
"""test_run.py - run, interrupt, resume, amend; what is printed meanwhile and at the end.

Rules: an interrupt is exit code 130 and loses no report; a study that failed is exit code 1; run
never touches a folder that is taken; --quiet prints nothing; the final evaluation happens once.
"""
import json
import os
import signal
import subprocess
import unittest

from cli_lab import PBT, SOURCE, Lab


class Run(Lab):
    def test_a_t_test_on_single_scores_is_refused_by_name(self):
        self.make_spec()
        done = self.pbt("run", "toy.yaml", "--set", "strategy.exploit=ttest", code=1)
        self.assertIn("exploit ttest needs at least 5 scores a segment, and the trainer reports 1",
                      done.stderr)

    def test_a_first_round_without_a_finite_score_is_named(self):
        self.make_spec()
        path = os.path.join(self.folder, "train.py")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for score in ('float("nan")', "None, other=1.0"):
            with self.subTest(score):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text.replace('task.report(state["x"])', f"task.report({score})"))
                done = self.pbt("run", "toy.yaml", "--dir", f"toy-{len(score)}", code=1)
                self.assertEqual(done.stdout.count("no score yet: none of the 4 segments"), 1,
                                 done.stderr)

    def test_an_unknown_builtin_trainer_is_refused_before_anything_is_made(self):
        with open(os.path.join(self.folder, "nosuch.yaml"), "w", encoding="utf-8") as file:
            file.write("trainer: {builtin: nosuch}\npopulation: 2\nsteps: 10\n"
                       "space: {lr: {type: log, low: 1e-3, high: 1}}\n")
        done = self.pbt("run", "nosuch.yaml", "--dir", "made", code=2)
        self.assertIn('there is no builtin trainer "nosuch"', done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "made")))

    def test_a_study_runs_to_its_end(self):
        done = self.run_toy()
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"^toy: 4 members, 60 steps each, 2 slots, in \./toy\n")
        self.assertIn("100 %  240/240 steps", done.stdout)
        for part in ("toy: ended, every member is through", "schedule of the best", "lineage of",
                     "\nnext\n  pbt best ./toy --copy-to TARGET\n"):
            self.assertIn(part, done.stdout)
        self.assertNotIn("\033", done.stdout)
        shown = self.json("show", "toy")
        self.assertEqual((shown["status"], shown["stop"]), ("ended", "budget"))
        self.assertEqual(shown["steps_done"], 240)
        self.assertEqual(shown["counts"]["segments"], 24)
        self.assertEqual(shown["running"], [])
        self.assertEqual(shown["workers"], [])

    def test_quiet_prints_nothing(self):
        done = self.run_toy("", "--quiet")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_json_is_alone_on_stdout(self):
        self.make_spec()
        found = self.json("run", "toy.yaml")
        self.assertEqual(found["status"], "ended")
        self.assertEqual(found["lineage"][-1]["checkpoint"], found["best"]["checkpoint"])
        self.assertEqual(found["schedule"][0]["from"], 0)
        self.assertEqual(found["schedule"][-1]["to"], found["best"]["age"])

    def test_options_change_the_spec(self):
        self.make_spec()
        self.pbt("run", "toy.yaml", "--dir", "else/where", "--seed=99", "--slots", "1",
                 "--set", "population=3", "--set", "steps=20", "-q")
        with open(self.path("else", "where", "study.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("seed: 99\n", text)
        self.assertEqual(self.json("show", "else/where")["steps_done"], 60)

    def test_a_folder_that_is_taken_is_left_alone(self):
        self.run_toy("", "-q")
        before = self.json("show", "toy")
        done = self.pbt("run", "toy.yaml", code=2)
        self.assertEqual(done.stderr, 'pbt run: "./toy" exists already\nhint: go on with it: '
                                      "pbt resume ./toy; or give another folder with --dir\n")
        self.assertEqual(self.json("show", "toy"), before)

    def test_a_folder_that_may_not_be_written_is_a_storage_error(self):
        self.make_spec()
        os.mkdir(self.path("locked"), 0o555)
        os.chmod(self.folder, 0o755)
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run([*(user if os.geteuid() == 0 else []), PBT, "run", "toy.yaml",
                               "--dir", "locked/toy"], cwd=self.folder, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("Permission denied", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "a user without other processes needs root")
    def test_a_limit_of_threads_is_named(self):
        """The thread pool of the event loop would abort the process."""
        self.make_spec()
        os.chmod(self.folder, 0o777)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               "prlimit", "--nproc=3", PBT, "run", "toy.yaml", "-q"],
                              cwd=self.folder, timeout=100, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("could not start 4 threads: ", done.stderr)
        self.assertIn("ulimit -u", done.stderr)
        self.pbt("resume", "toy", "-q")

    def test_rule_15_a_trainer_that_always_fails_stops_the_run_and_spoils_nothing(self):
        self.make_spec("fixed: {crash: true}\n")
        done = self.pbt("run", "toy.yaml", code=1)
        self.assertIn("the first segments all failed alike, so the run stops: ", done.stderr)
        self.assertIn('python3" in "', done.stderr)
        shown = self.json("show", "toy")
        self.assertEqual(shown["stop"], "none")
        self.assertEqual(shown["counts"]["given_up"], 0)
        self.pbt("resume", "toy", "-q", "--set", "fixed.crash=false")
        self.assertEqual(self.json("show", "toy")["stop"], "budget")
        log = self.pbt("log", "toy").stdout
        self.assertIn("broken on purpose", log)
        self.assertNotIn("\033", log)

    def test_rule_15_an_environment_that_is_not_there_spoils_nothing(self):
        """The trainer cannot import: another worker, or this one later, goes on."""
        self.make_spec()
        with open(self.path("train.py"), encoding="utf-8") as file:
            good = file.read()
        self.write("train.py", "import no_such_module\n" + good)
        done = self.pbt("run", "toy.yaml", "-q", code=4)
        self.assertIn("No module named 'no_such_module'", done.stderr)
        shown = self.json("show", "toy", "--full")["failures"]
        self.assertIn("not counted, the slot waits", shown[-1]["text"])
        self.write("train.py", good)
        self.pbt("resume", "toy", "-q")
        counts = self.json("show", "toy")["counts"]
        self.assertEqual((counts["given_up"], counts["failures"]), (0, 0))

    def test_the_final_evaluation_happens_once(self):
        done = self.run_toy("final_evaluation: {split: test}\n")
        self.assertRegex(done.stdout, r"final +0\.5000  final evaluation of m\d+\.s\d+\.a1 "
                                      r"\(split test\): images 7\.0000\n")
        shown = self.json("show", "toy")
        self.assertEqual(shown["final_evaluation"]["score"], 0.5)
        self.assertEqual(shown["final_evaluation"]["metrics"], {"images": 7.0})
        self.assertEqual(shown["final_evaluation"]["checkpoint"], shown["best"]["checkpoint"])
        self.pbt("resume", "toy")
        self.assertEqual(self.pbt("log", "toy").stdout.count("final_evaluation"), 1)


class Builtin(Lab):
    def need_builtin_trainers(self):
        if "a2c" not in self.pbt("trainer", "none", code=2).stderr:
            self.skipTest("built without them")

    def segments(self, slots):
        """What a study of agents measured with so many slots."""
        self.pbt("run", "agents.yaml", "--dir", f"with-{slots}", "--slots", str(slots))
        exported = json.loads(self.pbt("export", f"with-{slots}", "--json", "-").stdout)
        return sorted((row["member"], row["segment"], row["parent"], row["score"], row["metrics"])
                      for row in exported["segments"])

    def test_agents_do_not_depend_on_the_slots(self):
        self.need_builtin_trainers()
        with open(os.path.join(SOURCE, "examples", "breakout.yaml"), encoding="utf-8") as file:
            spec = file.read()
        for old, new in (("population: 16", "population: 5"), ("steps: 1500000", "steps: 4000"),
                         ("ready: 50000", "ready: 1000"), ("episodes: 300", "episodes: 30"),
                         ("name: pbt", "name: pbt, mode: generational")):
            self.assertIn(old, spec)
            spec = spec.replace(old, new)
        self.write("agents.yaml", spec)
        alone = self.segments(1)
        self.assertEqual(len(alone), 20)
        self.assertEqual(alone, self.segments(3))

    def test_they_pass_their_own_check(self):
        self.need_builtin_trainers()
        for example in ("breakout", "fashion"):
            with self.subTest(example):
                found = self.json("check", os.path.join(SOURCE, "examples", example + ".yaml"))
                self.assertTrue(found["good"] and found["complete"])
                told = [item for item in found["findings"] if item["severity"] in
                        ("problem", "warning")]
                self.assertEqual(told, [])


class Check(Lab):
    def test_a_good_trainer_passes(self):
        self.make_spec()
        found = self.json("check", "toy.yaml")
        self.assertEqual((found["good"], found["complete"]), (True, True))
        self.assertEqual(found["cost"]["steps"], 240)
        self.assertGreater(found["measured"]["start_s"], 0)
        self.assertLessEqual({item["severity"] for item in found["findings"]},
                             {"good", "note", "warning"})
        text = self.pbt("check", "toy.yaml", "--steps", "5").stdout
        self.assertIn("\nthe whole study\n  steps      240 in 24 segments on 2 slots\n", text)
        self.assertEqual(sorted(os.listdir(self.folder)), ["toy.yaml", "train.py"])

    def test_a_broken_trainer_is_told(self):
        self.make_spec("fixed: {crash: true}\n")
        done = self.pbt("check", "toy.yaml", code=1)
        self.assertIn("problem  segment: ", done.stdout)
        self.assertIn("broken on purpose", done.stdout)
        self.assertNotIn("\033", done.stdout)


class Interrupt(Lab):
    def interrupted(self, number):
        """A run that was stopped by a signal after some segments; what it said."""
        self.make_spec("fixed: {pause: 0.01}\n")
        child = self.start("run", "toy.yaml")
        self.wait_for_segments(5)
        self.assertEqual(self.json("show", "toy")["status"], "running")
        child.send_signal(number)
        _, errors = child.communicate(timeout=60)
        return child.returncode, errors

    def test_ctrl_c_says_how_to_go_on(self):
        code, errors = self.interrupted(signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertEqual(errors, "pbt run: interrupted; nothing that was reported is lost. "
                                 "To go on:\n  pbt resume ./toy\n")
        before = self.json("show", "toy")
        self.assertEqual(before["status"], "interrupted")
        self.assertEqual(before["workers"], [])
        self.pbt("resume", "./toy", "-q")
        after = self.json("show", "toy")
        self.assertEqual((after["status"], after["steps_done"]), ("ended", 240))
        self.assertEqual(after["counts"]["segments"], 24)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_a_killed_study_goes_on(self):
        code, _ = self.interrupted(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        self.assertEqual(self.json("show", "toy")["status"], "interrupted")
        self.pbt("resume", "toy", "-q")
        self.assertEqual(self.json("show", "toy")["counts"]["segments"], 24)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_terminate_is_an_interrupt(self):
        code, _ = self.interrupted(signal.SIGTERM)
        self.assertEqual(code, 130)


class Resume(Lab):
    def test_an_ended_study_says_what_can_be_done(self):
        self.run_toy("", "-q")
        done = self.pbt("resume", "toy")
        self.assertEqual(done.stderr,
                         'pbt resume: the study in "toy" has ended\nhint: give it something to do, '
                         "for instance: pbt resume toy --steps 120\n")

    def test_more_steps_and_members(self):
        self.run_toy("", "-q")
        self.pbt("resume", "toy", "--steps", "80", "--set", "population=5", "-q")
        shown = self.json("show", "toy")
        self.assertEqual(shown["members"], 5)
        self.assertEqual(shown["steps_done"], 400)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_what_was_given_up_is_said_and_tried_again(self):
        self.make_spec()
        with open(self.path("train.py"), encoding="utf-8") as file:
            good = file.read()
        self.write("train.py", good.replace('task.fixed.get("crash")',
                                            "task.member == 1 and task.segment == 4"))
        self.pbt("run", "toy.yaml", "-q", code=1)
        done = self.pbt("resume", "toy", code=1)
        self.assertIn("pbt resume: member 1 was given up in segment 4: error: ", done.stderr)
        self.assertIn("broken on purpose", done.stderr)
        self.assertNotIn("\033", done.stderr)
        self.assertIn("hint: repair the cause, then try them again: pbt resume toy --revive\n",
                      done.stderr)
        self.assertEqual(self.pbt("resume", "toy", "-q", code=1).stderr.count("member 1"), 0)
        self.write("train.py", good)
        done = self.pbt("resume", "toy", "--revive")
        self.assertIn("member 1 was given up in segment 4: error: ", done.stderr)
        self.assertNotIn("hint: repair", done.stderr)
        shown = self.json("show", "toy")
        self.assertEqual((shown["stop"], shown["counts"]["given_up"], shown["steps_done"]),
                         ("budget", 0, 240))
        self.assertTrue(self.json("verify", "toy")["good"])
        log = self.pbt("log", "toy").stdout
        self.assertRegex(log, "the study was amended: .*; members that were given up are tried "
                              "again\n")
        self.assertRegex(log, r"member 1 starts segment 4 \(attempt \d+\) from m\d\.s\d+\.a\d+ ")
        before = shown["seq"]
        done = self.pbt("resume", "toy", "--revive")
        self.assertIn('the study in "toy" has ended', done.stderr)
        self.assertEqual(self.json("show", "toy")["seq"], before)

    def test_at_most_five_of_those_given_up_are_named(self):
        self.make_spec()
        with open(self.path("train.py"), encoding="utf-8") as file:
            good = file.read()
        good = good.replace('on purpose")', 'on purpose" + "abcdefgh"[task.member])')  # not alike
        self.write("train.py", good.replace('task.fixed.get("crash")',
                                            "task.member > 0 and task.segment == 2"))
        self.pbt("run", "toy.yaml", "-q", "--set", "population=8", "--set", "steps=20", code=1)
        done = self.pbt("resume", "toy", code=1)
        self.assertEqual(done.stderr.count("was given up in segment 2"), 5)
        self.assertIn("pbt resume: 2 more were given up\nhint: ", done.stderr)

    def test_what_may_not_change_is_refused(self):
        self.run_toy("", "-q")
        before = self.json("show", "toy")["seq"]
        done = self.pbt("resume", "toy", "--set", "seed=9", code=2)
        self.assertIn("seed", done.stderr)
        self.assertEqual(self.json("show", "toy")["seq"], before)

    def test_a_second_worker_helps(self):
        self.make_spec("fixed: {pause: 0.005}\n")
        first = self.start("run", "toy.yaml", "--quiet")
        self.wait_for_segments(2)
        second = self.start("worker", "toy", "--slots", "1", "--quiet")
        self.assertEqual(first.wait(timeout=90), 0)
        self.assertEqual(second.wait(timeout=90), 0)
        self.assertEqual(self.json("show", "toy")["counts"]["segments"], 24)
        log = self.pbt("log", "toy").stdout
        self.assertEqual(log.count(" joined: "), 2)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_follow_ends_with_the_study(self):
        self.make_spec("fixed: {pause: 0.002}\n")
        run = self.start("run", "toy.yaml", "--quiet")
        self.wait_for_segments(1)
        follow = self.start("log", "toy", "--follow", "--decisions")
        out, _ = follow.communicate(timeout=90)
        self.assertEqual(follow.returncode, 0)
        self.assertEqual(len(out.splitlines()), 24)
        self.assertEqual(run.wait(timeout=30), 0)


if __name__ == "__main__":
    unittest.main()

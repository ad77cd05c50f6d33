# SPDX-License-Identifier: Apache-2.0
"""test_python_client.py - the package pbt keeps the trainer protocol, whatever its peers do.

Protects: rule 15 (an exception, a missing report, a vanished worker are told and never hang), rule
17 (`read` and `in_force` are what the trainer did), rule 4 (scores that are not finite arrive).
Every trainer is a real process that talks over a real socket to fake_worker.py.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_worker import (CLIENT, PYTHON, FakeWorker, environment, finish,  # noqa: E402
                         train_message)

SIMPLE = """
import pbt
for task in pbt.tasks():
    for step in task.steps:
        task.progress(step, loss=1.0)
    task.report(task.hp["lr"])
"""


class ClientCase(unittest.TestCase):
    def setUp(self):
        self.worker = FakeWorker().__enter__()
        self.addCleanup(self.worker.__exit__)

    def start(self, program, **variables):
        self.process, self.peer, self.hello = self.worker.start_python(program, **variables)

    def one(self, body, **changes):
        """The answer to one task of a trainer whose loop body is `body`."""
        lines = "".join("    " + line + "\n" for line in body.strip("\n").split("\n"))
        self.start("import pbt, sys, math\nfor task in pbt.tasks():\n" + lines)
        return self.peer.run(**changes)

    def leave(self):
        self.peer.send({"type": "exit"})
        return finish(self.process)


class Conversation(ClientCase):
    def test_hello_then_tasks_then_exit(self):
        self.start(SIMPLE)
        self.assertEqual((self.hello["rank"], self.hello["ranks"]), (0, 1))
        self.assertTrue(self.hello["client"].startswith("python "))
        for _ in range(3):
            self.assertEqual(self.peer.run(), {"type": "done", "task": "3.12.1", "score": 0.5,
                                               "read": ["lr"]})
        self.assertEqual(self.leave(), (0, ""))

    def test_task_has_every_member_of_train(self):
        done = self.one("""
task.report(0, **{name: 1 for name in [
    "seed" if task.seed == 2**64 - 1 else "?", "age" if task.age == 6000 else "?",
    "bounds" if (task.max_age, task.budget) == (9000, None) else "?",
    "place" if (task.member, task.segment, task.attempt) == (3, 12, 1) else "?",
    "save" if str(task.save) == "/s/a" and (task.save / "x").name == "x" else "?",
    "load" if task.load is None and task.from_checkpoint is None else "?",
    "id" if (task.id, task.checkpoint) == ("3.12.1", "m3") else "?",
    "steps" if len(task.steps) == 5 and list(task.steps) == [1, 2, 3, 4, 5] else "?",
    "fixed" if task.fixed == {"data": "./data", "n": 100} else "?"]})
""", save="/s/a", checkpoint="m3", max_age=9000)
        self.assertEqual(sorted(done["metrics"]),
                         ["age", "bounds", "fixed", "id", "load", "place", "save", "seed", "steps"])

    def test_fresh_load_and_keep(self):
        self.start("""
import json, pbt
state = None
for task in pbt.tasks():
    if task.start == "fresh":
        state = 0
    elif task.start == "load":
        state = json.loads((task.load / "state").read_text())
    for step in task.steps:
        state += step
    if task.save:
        (task.save / "state").write_text(json.dumps(state))
    task.report(state)
""")
        first = self.worker.make_folder("first")
        self.assertEqual(self.peer.run(save=first, steps=2)["score"], 3)
        self.assertEqual(self.peer.run(start="keep", **{"from": "m"})["score"], 18)
        self.assertEqual(self.peer.run(start="load", load=first, steps=1)["score"], 4)
        self.assertEqual(self.peer.run(start="keep", steps=0)["score"], 4)
        self.assertEqual(self.leave(), (0, ""))

    def test_a_report_carries_nothing_of_the_task_before(self):
        self.start("""
import pbt
for task in pbt.tasks():
    if task.attempt == 1:
        task.in_force(lr=task.hp["lr"])
        task.report(1, loss=2)
    else:
        task.report(1)
""")
        self.peer.run()
        self.assertEqual(self.peer.run(attempt=2),
                         {"type": "done", "task": "3.12.1", "score": 1.0, "read": []})

    def test_messages_in_pieces_and_together(self):
        self.start(SIMPLE)
        line = json.dumps(train_message()).encode() + b"\n"
        for i in range(0, len(line), 50):
            self.peer.send_bytes(line[i:i + 50])
            time.sleep(0.001)
        self.assertEqual(self.peer.hear()["type"], "done")
        self.peer.send_bytes(line + b'{"type":"exit"}\n')
        self.assertEqual(self.peer.hear()["type"], "done")
        self.assertEqual(finish(self.process), (0, ""))

    def test_a_large_message_is_read(self):
        done = self.one('task.report(len(task.fixed["text"]))', fixed={"text": "x" * 1000000})
        self.assertEqual(done["score"], 1000000)

    def test_reading_is_noted_and_looking_is_not(self):
        done = self.one("""
"batch" in task.hp, len(task.hp), list(task.hp), task.hp.get("absent", 1)
task.report(task.hp.get("lr", 9))
""")
        self.assertEqual((done["score"], done["read"]), (0.5, ["lr"]))
        self.leave()
        done = self.one("task.report(len(dict(task.hp)))")
        self.assertEqual(done["read"], ["lr", "batch", "act", "nesterov"])

    def test_values_keep_their_types(self):
        done = self.one("""
values = [task.hp[name] for name in ("lr", "batch", "act", "nesterov")]
task.report([type(value) in (float, int, str, bool) and value == expected
             for value, expected in zip(values, (0.5, 64, "relu", True))])
""")
        self.assertEqual(done["scores"], [1.0] * 4)

    def test_in_force_takes_numbers_text_and_booleans(self):
        done = self.one("""
task.in_force(lr=0.5, act="relu", nesterov=True)
task.in_force(lr=0.25, batch=float("nan"))
task.report(1)
""")
        self.assertEqual(done["in_force"],
                         {"lr": 0.25, "act": "relu", "nesterov": True, "batch": "NaN"})


class Scores(ClientCase):
    def test_not_finite_travels_as_text(self):
        done = self.one("task.report([1, math.nan, math.inf, -math.inf], loss=math.nan)")
        self.assertEqual(done["scores"], [1.0, "NaN", "Infinity", "-Infinity"])
        self.assertEqual(done["metrics"], {"loss": "NaN"})

    def test_none_is_a_missing_score(self):
        self.assertEqual(self.one("task.report(None)"),
                         {"type": "done", "task": "3.12.1", "read": []})

    def test_number_of_scores_is_limited(self):
        for count, problem in ((0, "0 scores"), (4097, "4097 scores")):
            error = self.one(f"task.report([0.0] * {count})")
            self.assertEqual((error["type"], error["kind"]), ("error", "config"))
            self.assertIn(problem, error["message"])
            finish(self.process)
        self.assertEqual(len(self.one("task.report([0.0] * 4096)")["scores"]), 4096)

    def test_text_is_not_a_score(self):
        error = self.one('task.report("0.5")')
        self.assertEqual(error["type"], "error")
        self.assertIn("is text, not a number", error["message"])

    def test_a_dict_is_not_a_score(self):
        for call in ('report({"acc": 0.5})', "report(acc=0.5)"):
            error = self.one("task." + call)
            self.assertEqual((error["type"], error["kind"]), ("error", "other"))
            self.assertIn("report(score, **metrics)", error["message"])
            finish(self.process)

    def test_a_metric_may_have_any_name(self):
        done = self.one("""
task.progress(1, step=2, score=3, self=4)
task.report(5, step=2, score=3, self=4)
""")
        self.assertEqual(done["score"], 5.0)
        self.assertEqual(done["metrics"], {"step": 2, "score": 3, "self": 4})

    def test_score_and_step_may_be_given_by_name(self):
        done = self.one("task.progress(step=1, loss=2); task.report(score=5, loss=2)")
        self.assertEqual((done["score"], done["metrics"]), (5.0, {"loss": 2.0}))

    def test_a_metric_that_is_none_is_left_out(self):
        done = self.one("task.progress(1, loss=None, acc=1); task.report(1, loss=None, acc=1)")
        self.assertEqual(done["metrics"], {"acc": 1.0})

    def test_numpy_values_are_numbers(self):
        if subprocess.call([PYTHON, "-c", "import numpy"], stderr=subprocess.DEVNULL) != 0:
            self.skipTest("numpy is not installed")
        done = self.one("""
import numpy
task.progress(numpy.int64(1), loss=numpy.float32(0.5))
task.in_force(lr=numpy.float32(0.5))
task.report(numpy.array([0.5, numpy.nan]), loss=numpy.array(2.0))
""")
        self.assertEqual(done["scores"], [0.5, "NaN"])
        self.assertEqual((done["metrics"], done["in_force"]), ({"loss": 2.0}, {"lr": 0.5}))


class Progress(ClientCase):
    def test_progress_is_sent_now_and_then_and_steps_speak_up(self):
        self.start("""
import pbt, time
for task in pbt.tasks():
    for step in task.steps:
        if task.attempt == 1:
            task.progress(step, loss=float("inf"))
            time.sleep(0.25 / len(task.steps))
        else:
            time.sleep(1.2)
    task.report(0)
""")
        for attempt, steps, fewest, most in ((1, 500, 1, 10), (2, 2, 1, 2)):
            task = train_message(attempt=attempt, steps=steps)
            self.peer.send(task)
            progress, done = self.peer.hear_answer(task)
            self.assertEqual(done["type"], "done")
            self.assertTrue(fewest <= len(progress) <= most, progress)
            if attempt == 1:
                self.assertEqual(progress[0]["metrics"], {"loss": "Infinity"})

    def test_metrics_are_looked_at_only_when_sent(self):
        done = self.one("""
class Costly:
    looks = 0
    def __float__(self):
        Costly.looks += 1
        return 1.0
for step in task.steps:
    task.progress(step, loss=Costly())
task.report(Costly.looks)
""", steps=2000)
        self.assertLess(done["score"], 50)

    def test_metrics_are_checked_at_every_call(self):
        shaped = "type('T', (), {'shape': (2, 2), '__float__': int})()"
        for value in ('"0.5"', "[1]", "{}", shaped):
            error = self.one(f"task.progress(1); task.progress(1, loss={value})")
            self.assertEqual(error["type"], "error", value)
            self.assertIn('metric "loss"', error["message"])
            finish(self.process)

    def test_progress_out_of_order_is_an_error(self):
        for steps in ("0", "6", "3); task.progress(2", "1.5"):
            error = self.one(f"task.progress({steps})")
            self.assertEqual(error["type"], "error", steps)
            self.assertEqual(finish(self.process)[0], 1)


class Failures(ClientCase):
    def test_exception_is_reported_and_raised(self):
        error = self.one('raise ValueError("wrong\\nshape \\udc80\\0")')
        self.assertEqual((error["type"], error["kind"]), ("error", "other"))
        self.assertIn("ValueError: wrong\nshape ??", error["message"])
        code, text = finish(self.process)
        self.assertEqual(code, 1)
        self.assertIn("Traceback", text)
        self.assertIn("ValueError: wrong", text)

    def test_exception_inside_a_function_and_a_thread(self):
        for call in ("main()", "t = threading.Thread(target=main); t.start(); t.join()"):
            self.start("""
import pbt, threading
def main():
    for task in pbt.tasks():
        raise KeyError("deep")
""" + call)
            self.assertEqual(self.peer.run()["message"], "KeyError: 'deep'")
            finish(self.process)

    def test_out_of_memory_is_oom(self):
        for statement in ("raise MemoryError()",
                          "raise type('OutOfMemoryError', (RuntimeError,), {})('x')",
                          "raise RuntimeError('CUDA out of memory. Tried to allocate')"):
            self.assertEqual(self.one(statement)["kind"], "oom", statement)
            finish(self.process)

    def test_missing_hyperparameter_is_config(self):
        error = self.one('task.report(task.hp["learning_rate"])')
        self.assertEqual((error["type"], error["kind"]), ("error", "config"))
        self.assertIn('there is no hyperparameter "learning_rate" (there is: lr, batch',
                      error["message"])

    def test_fail_names_its_kind(self):
        error = self.one('task.fail("loss is NaN", kind="nan")')
        self.assertEqual(error, {"type": "error", "task": "3.12.1", "kind": "nan",
                                 "message": "loss is NaN"})
        self.assertEqual(self.leave(), (0, ""))
        self.assertIn('kind is "odd"', self.one('task.fail("x", kind="odd")')["message"])

    def test_task_without_report_is_an_error_that_names_it(self):
        error = self.one("pass")
        self.assertEqual((error["type"], error["kind"]), ("error", "other"))
        self.assertEqual(error["message"], "task 3.12.1 ended without a report")
        code, text = finish(self.process)
        self.assertEqual(code, 1)
        self.assertIn("task 3.12.1 ended without a report", text)

    def test_leaving_in_the_middle_is_an_error(self):
        for statement in ("break", "sys.exit(3)"):
            error = self.one(statement)
            self.assertEqual(error["message"], "the trainer left without a report of task 3.12.1")
            self.assertIsNone(self.peer.hear())
            finish(self.process)

    def test_break_after_a_report_is_no_error(self):
        self.assertEqual(self.one("task.report(1); break")["type"], "done")
        self.assertIsNone(self.peer.hear())
        self.assertEqual(finish(self.process), (0, ""))

    def test_answers_after_the_report_are_refused_and_not_sent(self):
        for again in ("report(2)", "progress(1)", "fail('x')", "in_force(lr=1)"):
            self.assertEqual(self.one(f"task.report(1); task.{again}")["score"], 1)
            self.assertIsNone(self.peer.hear())
            code, text = finish(self.process)
            self.assertEqual(code, 1)
            self.assertIn("task 3.12.1 has ended already", text)

    def test_a_forked_child_does_not_speak(self):
        done = self.one("""
import os
child = os.fork()
if child == 0:
    raise RuntimeError("of the child")
os.waitpid(child, 0)
task.report(1)
""")
        self.assertEqual(done["score"], 1)


class Ranks(ClientCase):
    def test_every_rank_gets_every_task_and_rank_0_reports(self):
        program = SIMPLE.replace("task.report", "import time; time.sleep(0.12);"
                                                "task.progress(5); task.report")
        ranks = {}
        for rank in ("0", "1"):
            process, peer, hello = self.worker.start_python(program, RANK=rank, WORLD_SIZE="2")
            self.assertEqual(hello["ranks"], 2)
            ranks[hello["rank"]] = (process, peer)
        self.assertEqual(sorted(ranks), [0, 1])
        for _ in range(2):
            task = train_message()
            for _, peer in ranks.values():
                peer.send(task)
            self.assertEqual(ranks[0][1].hear_answer(task)[1]["type"], "done")
        for process, peer in ranks.values():
            peer.send({"type": "exit"})
            self.assertEqual(finish(process), (0, ""))
        self.assertIsNone(ranks[1][1].hear())

    def test_any_rank_may_fail(self):
        self.start("import pbt\nfor task in pbt.tasks():\n    1 / 0", RANK="1", WORLD_SIZE="2")
        self.assertIn("ZeroDivisionError", self.peer.run()["message"])

    def test_rank_comes_from_the_launcher(self):
        pairs = (("PBT_RANK", "PBT_RANKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                 ("PMI_RANK", "PMI_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
                 ("SLURM_PROCID", "SLURM_NTASKS"))
        for rank, ranks in pairs:
            self.start(SIMPLE, **{rank: "2", ranks: "3"})
            self.assertEqual((self.hello["rank"], self.hello["ranks"]), (2, 3))
            self.leave()
        self.start(SIMPLE, SLURM_PROCID="2")
        self.assertEqual((self.hello["rank"], self.hello["ranks"]), (0, 1))


class BadWorkers(ClientCase):
    def fails_with(self, line, text):
        self.start(SIMPLE)
        self.peer.send_bytes(line)
        code, errors = finish(self.process)
        self.assertEqual(code, 1, line)
        self.assertIn(text, errors)

    def test_malformed_lines_end_the_trainer(self):
        for line, text in ((b"rubbish\n", "not JSON"), (b"\xff\n", "not JSON"), (b"\n", "not JSON"),
                           (b'{"type":"train","age":NaN}\n', "NaN is not JSON"),
                           (b"[" * 100000 + b"\n", "not JSON"), (b"[]\n", "without a type"),
                           (b'{"type":"dance"}\n', 'unknown type "dance"')):
            self.fails_with(line, text)

    def test_each_wrong_member_of_train_is_named(self):
        for name, value in (("task", None), ("member", -1), ("segment", True), ("attempt", 1.5),
                            ("seed", str(2**64)), ("seed", "-1"), ("age", 2**53 + 1),
                            ("steps", "x"), ("start", "sideways"), ("start", "load"),
                            ("start", "keep"), ("load", 1), ("save", []), ("from", {}),
                            ("hyperparameters", []), ("fixed", [])):
            message = json.dumps(train_message(**{name: value})).encode() + b"\n"
            self.fails_with(message, name)

    def test_endless_line_ends_the_trainer(self):
        self.start(SIMPLE)
        try:
            for _ in range(100):
                self.peer.send_bytes(b" " * (1 << 16))
        except (BrokenPipeError, ConnectionResetError):
            pass
        code, errors = finish(self.process)
        self.assertEqual(code, 1)
        self.assertIn("a line of more than 4194304 bytes", errors)

    def test_worker_that_vanishes_ends_the_trainer(self):
        self.start(SIMPLE)
        self.peer.run()
        self.peer.connection.shutdown(socket.SHUT_RDWR)
        code, errors = finish(self.process)
        self.assertEqual(code, 1)
        self.assertIn("the worker closed the connection", errors)

    def test_worker_that_vanishes_during_a_task(self):
        self.start("""
import pbt, sys, signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
for task in pbt.tasks():
    sys.stdin.read()
    open(task.fixed["flag"], "w").close()
    while not __import__("os").path.exists(task.fixed["go"]): pass
    task.report(1)
""")
        flag, go = (os.path.join(self.worker.folder, name) for name in ("flag", "go"))
        self.peer.send(train_message(fixed={"flag": flag, "go": go}))
        while not os.path.exists(flag):
            time.sleep(0.01)
        self.peer.close()
        with open(go, "w"):
            pass
        self.assertEqual(finish(self.process)[0], 1)  # an exception, not a signal (-13)

    def test_no_worker_at_the_socket(self):
        for ranks in ({}, {"RANK": "1", "WORLD_SIZE": "2"}):
            process = subprocess.run([PYTHON, "-c", SIMPLE], capture_output=True, timeout=60,
                                     env=environment(PBT_SOCKET="/nonexistent/socket", **ranks))
            self.assertEqual(process.returncode, 1)
            self.assertIn(b'could not connect to the worker at "/nonexistent/socket"',
                          process.stderr)
            said = b"all ranks of a member must be on the worker's machine" in process.stderr
            self.assertEqual(said, bool(ranks))


class Alone(unittest.TestCase):
    PROGRAM = """
import pbt
for task in pbt.tasks():
    assert task.seed == 7 and task.fixed.get("data", "x") == "./d" and task.hp["nesterov"] is True
    if task.load:
        assert task.start == "load" and task.load.is_absolute()
    if task.save:
        (task.save / "state").write_text("saved")
    task.in_force(lr=0.25)
    task.report(task.hp["lr"] * len(task.steps), loss=1.5)
"""

    def run_alone(self, program, *arguments, **variables):
        process = subprocess.run([PYTHON, "-c", program, *arguments], capture_output=True,
                                 timeout=60, env=environment(**variables))
        return process.returncode, process.stdout.decode(), process.stderr.decode()

    def test_one_task_from_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            save = os.path.join(folder, "deep", "save")
            code, out, err = self.run_alone(
                self.PROGRAM, "--steps", "100", "--lr", "0.5", "--data=./d", "--nesterov",
                "--seed", "7", "--save", save, "--load", folder, "--typo", "1")
            self.assertEqual((code, out), (0, "50.0\n"), err)
            self.assertTrue(os.path.exists(os.path.join(save, "state")))
        self.assertIn("loss 1.5\n", err)
        self.assertIn("warning: --typo was never read\n", err)
        self.assertNotIn("--data was never", err)
        self.assertIn("warning: lr is 0.5 but 0.25 is in force\n", err)

    def test_wrong_command_lines_say_how(self):
        for arguments in ((), ("--steps", "many"), ("--steps", "-1"), ("5",), ("--lr", "1")):
            code, out, err = self.run_alone(SIMPLE, *arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertIn("usage: ", err)

    def test_missing_hyperparameter_ends_with_1(self):
        code, out, err = self.run_alone(SIMPLE, "--steps", "1")
        self.assertEqual((code, out), (1, ""))
        self.assertIn('there is no hyperparameter "lr"', err)

    def test_failure_and_missing_report_end_with_1(self):
        for body in ("task.fail('x', kind='nan')", "pass"):
            program = f"import pbt\nfor task in pbt.tasks():\n    {body}"
            self.assertEqual(self.run_alone(program, "--steps", "1")[:2], (1, ""))

    def test_several_scores_are_printed_as_a_list(self):
        program = "import pbt\nfor task in pbt.tasks():\n    task.report([1, 2])"
        self.assertEqual(self.run_alone(program, "--steps", "1")[1], "[1.0, 2.0]\n")

    def test_one_shot_from_the_environment(self):
        task = json.dumps(train_message())
        code, out, err = self.run_alone(SIMPLE, PBT_TASK=task)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out), {"score": 0.5, "read": ["lr"]})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "result")
            code, out, err = self.run_alone(SIMPLE, PBT_TASK=task, PBT_RESULT=path)
            self.assertEqual((code, out), (0, ""))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file)["score"], 0.5)


class Helpers(unittest.TestCase):
    def test_seed_all_seeds_what_is_imported(self):
        program = """
import random, sys, pbt
pbt.seed_all(2**64 - 1)
assert "numpy" not in sys.modules
values = [random.random()]
try:
    import numpy
except ImportError:
    numpy = None
def draw():
    return [random.random()] + ([numpy.random.rand()] if numpy else [])
pbt.seed_all(5); first = draw()
pbt.seed_all(5); assert draw() == first
pbt.seed_all(2**64 - 1); assert draw() != first
"""
        subprocess.run([PYTHON, "-c", program], check=True, timeout=60, env=environment())

    def test_types_are_strict(self):
        mypy = "/usr/bin/mypy"
        if not os.path.exists(mypy):
            self.skipTest("mypy is not installed")
        rest = [os.path.join(CLIENT, "pbt")]  # needs 3.10, which the trainer's side does not
        for version, paths in (("3.8", [os.path.join(CLIENT, "pbt", "__init__.py")]),
                               ("3.10", rest)):
            with tempfile.TemporaryDirectory() as folder:
                process = subprocess.run(
                    ["/usr/bin/python3", mypy, "--strict", "--python-version", version,
                     "--cache-dir", folder, "--config-file",
                     os.path.join(CLIENT, "pyproject.toml"), *paths],
                    capture_output=True, timeout=110)
            self.assertEqual(process.returncode, 0, process.stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)

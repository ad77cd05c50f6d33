# SPDX-License-Identifier: Apache-2.0
"""test_report.py - the report in a real browser.

Rules: it opens from disk, asks nobody for anything and makes no error; every chart has marks;
pointing at a mark shows that segment's values; the schedule is that of `pbt best`; hostile text
is shown as text; it fits a narrow screen; large studies stay below 20 MiB.
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest

import browser
from cli_lab import Lab

BUILD = os.environ["PBT_BUILD_DIR"]
HOSTILE = "</script><script>document.title='owned'</script><b>\"boom'\u0007\u001b[31m \U0001F642"

TRAINER = """
import json, random
import pbt
state = None
for task in pbt.tasks():
    if task.load:
        state = json.loads((task.load / "state.json").read_text())
    elif task.start == "fresh":
        state = {"x": 0.0}
    noise = random.Random(task.seed)
    for step in task.steps:
        state["x"] += task.hp["lr"] * (1.0 - state["x"])
    if noise.random() < 0.05:
        print(%r)
        raise RuntimeError(%r)
    if task.save:
        (task.save / "state.json").write_text(json.dumps(state))
    task.report(state["x"] + noise.gauss(0, 0.01))
""" % (HOSTILE, HOSTILE)

SPEC = """
study: sixteen
seed: 3
trainer: {command: [python3, train.py], retries: 2}
population: 16
steps: 200
ready: 10
sync: normal
space:
  lr: {type: log, low: 1e-3, high: 0.05}
  dropout: {type: linear, low: 0.0, high: 0.7}
  momentum: {type: logit, low: 0.5, high: 0.999}
  batch: {type: ordinal, values: [32, 64, 128]}
  act: {type: categorical, values: [relu, "</script><i>"]}
strategy: {controls: {independent: 2}}
slots: 2
"""


class Report(Lab):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.made = tempfile.TemporaryDirectory(prefix="pbt-report-")

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.made.cleanup()

    def make_study(self):
        """The study of 16 members in the folder `s`: trained once, then copied."""
        kept = os.path.join(self.made.name, "s")
        if os.path.isdir(kept):
            shutil.copytree(kept, self.path("s"))
            return
        self.write("train.py", TRAINER)
        self.write("s.yaml", SPEC)
        self.pbt("run", "s.yaml", "-q", "--dir", "s", code=1)  # one member is given up
        shutil.copytree(self.path("s"), kept)

    def open_report(self, *arguments):
        """Its report in the browser."""
        self.make_study()
        said = self.json("report", "s", *arguments, "-o", "s.html")
        size = os.path.getsize(os.path.join(self.folder, "s.html"))
        self.assertEqual(said, {"version": 1, "file": "s.html", "bytes": size})
        self.browser.open(os.path.join(self.folder, "s.html"))

    def check_quiet(self):
        errors = [entry for entry in self.browser.log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(errors, [])
        outside = [url for url in self.browser.requests() if not url.startswith(("file:", "data:"))]
        self.assertEqual(outside, [])

    def marks(self):
        return self.browser.run("return [...document.querySelectorAll('.plot')]"
                                ".map((plot) => [plot.ariaLabel, Number(plot.dataset.marks)])")

    def test_every_chart_has_marks_and_nothing_complains(self):
        self.open_report()
        self.assertLess(os.path.getsize(os.path.join(self.folder, "s.html")), 1 << 20)
        marks = self.marks()
        self.assertEqual(len(marks), 1 + 5 + 2 + 5 + 1 + 1)
        for label, count in marks:
            self.assertGreater(count, 0, label)
        painted = self.browser.run("""
            return [...document.querySelectorAll('.plot canvas')].map((canvas) => {
              const { width, height } = canvas;
              const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
              return new Set(new Uint32Array(data.buffer)).size; })""")
        self.assertGreater(min(painted), 10)
        self.check_quiet()

    def lonely_marks(self, section, count):
        """[(place, x, y)] of marks of a chart that are far from all others: there the mouse can
        mean no other."""
        return self.browser.run("""
            const plot = plots.find((plot) => plot.host.closest('#' + arguments[0]));
            plot.host.scrollIntoView({ behavior: 'instant', block: 'center' });
            const points = plot.options.points, box = plot.u.over.getBoundingClientRect();
            const where = points.id.map((id, i) => [id,
              box.left + plot.u.valToPos(points.x[i], 'x'),
              box.top + plot.u.valToPos(points.y[i], 'y')]);
            const room = ([id, x, y]) => Math.min(...where.filter((other) => other[0] !== id)
              .map((other) => Math.hypot(other[1] - x, other[2] - y)));
            return where.map((one) => [room(one), one]).sort((a, b) => b[0] - a[0])
              .slice(0, arguments[1]).map(([, one]) => one)""", section, count)

    def check_pointing(self, section, count):
        document = self.json("show", "s", "--full")
        segments, space = document["segments"], document["space"]
        for place, x, y in self.lonely_marks(section, count):
            self.browser.move_to(1, 1)
            self.wait_for(lambda: self.browser.run("return tip.hidden"))
            self.browser.move_to(x, y)
            self.wait_for(lambda: not self.browser.run("return tip.hidden"))
            shown = self.browser.run("return tip.textContent")
            member, segment = segments["member"][place], segments["segment"][place]
            self.assertIn(f"Member {member}, segment {segment}", shown)
            if segments["score"][place] is not None:
                self.assertAlmostEqual(float(re.search(r"^score (\S+)$", shown, re.M)[1]),
                                       segments["score"][place], 3)
            self.assertIn(f"age {segments['from'][place]} to {segments['to'][place]}", shown)
            row = segments["row"][place]
            for k, hp in enumerate(space):
                value = document["values"][k][row]
                said = re.search(rf"^{hp['name']} (.*)$", shown, re.M)[1]
                if hp["values"]:
                    self.assertEqual(said, str(hp["values"][value]))
                else:
                    self.assertAlmostEqual(float(said), value, delta=abs(value) * 1e-3)

    def test_pointing_shows_the_segment(self):
        self.open_report()
        self.check_pointing("scores", 4)
        self.check_pointing("hyperparameters", 2)
        self.check_pointing("lineage", 4)
        self.check_pointing("gains", 2)
        self.check_pointing("pairs", 3)

    def test_the_keyboard_goes_from_mark_to_mark(self):
        self.open_report()
        document = self.json("show", "s", "--full")
        press = """
            const plot = plots.find((plot) => plot.host.closest('#scores'));
            plot.host.focus();
            for (const key of arguments) {
              plot.host.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
            }
            return [plot.options.points.id[plot.focus] ?? null, tip.hidden, tip.textContent,
              document.getElementById('followed').textContent]"""
        for keys in (["Home"], ["ArrowRight"] * 3, ["End"], ["ArrowLeft"]):
            place, hidden, text, _ = self.browser.run(press, *keys)
            self.assertFalse(hidden)
            segments = document["segments"]
            self.assertIn(f"Member {segments['member'][place]}, segment "
                          f"{segments['segment'][place]}", text)
        place, _, _, followed = self.browser.run(press, "Enter")
        self.assertIn(f"member {document['segments']['member'][place]}", followed)
        self.assertTrue(self.browser.run(press, "Escape")[1])
        named = self.browser.run("return [...document.querySelectorAll('.plot')]"
                                 ".every((plot) => plot.tabIndex === 0 && plot.ariaLabel)")
        self.assertTrue(named)

    def test_the_tree_over_age_and_clock(self):
        self.open_report()
        segments = self.json("show", "s", "--full")["segments"]
        for name, last, title in (("age", max(segments["to"]), "age (steps)"),
                                  ("clock", max(segments["ended"]), "time (seconds)"),
                                  ("segment", max(segments["segment"]), "segments of the member")):
            self.browser.run("""
                const over = document.getElementById('over');
                over.value = arguments[0];
                over.dispatchEvent(new Event('change'));""", name)
            marks, high, label = self.browser.run("""
                const plot = plots.find((plot) => plot.host.closest('#lineage')
                  && plot.options.y.label === 'member');
                return [plot.marks, plot.full[1], plot.options.x.label]""")
            self.assertEqual((marks, label), (segments["count"], title))
            self.assertAlmostEqual(high, last, delta=0.05 * last)
        self.check_quiet()

    def test_buttons_of_the_schedule(self):
        self.open_report()
        schedule = self.json("best", "s")["schedule"]
        self.browser.run("""
            [...document.querySelectorAll('#schedule button')]
              .find((button) => button.textContent === 'Copy').click()""")
        self.wait_for(lambda: self.browser.run(
            "return document.querySelector('#schedule [role=status]').textContent"))
        marked = self.browser.run("return getSelection().toString()")
        self.assertEqual(json.loads(marked), schedule)

    def test_it_prints_without_its_tools(self):
        self.open_report()
        self.browser.media("print")
        try:
            self.assertEqual(self.browser.run("""
                const shown = (selector) => [...document.querySelectorAll(selector)]
                  .filter((element) => element.checkVisibility()).length;
                return [shown('nav'), shown('.tools button'), shown('.tools input'),
                  shown('.plot') === plots.length,
                  getComputedStyle(document.querySelector('.scroll')).maxHeight]"""),
                [0, 0, 0, True, "none"])
        finally:
            self.browser.media("")

    def test_runs_of_one_study_are_compared_as_one(self):
        """Means and intervals are recomputed here, from the studies' documents."""
        self.make_study()
        bests = []
        for seed in (5, 6, 7):
            self.make_spec("")
            self.pbt("run", "toy.yaml", "-q", "--dir", f"t{seed}", "--seed", str(seed))
            bests.append(self.json("show", f"t{seed}")["best"]["score"])
        self.pbt("report", "s", "--compare", "t5", "t6", "t7", "-o", "s.html", "-q")
        self.browser.open(self.path("s.html"))
        rows = self.browser.run("return [...document.querySelectorAll('#comparison tbody tr')]"
                                ".map((row) => [...row.cells].map((cell) => cell.textContent))")
        self.assertEqual([row[0] for row in rows], ["sixteen", "s", "toy", "t5", "t6", "t7"])
        mean = statistics.mean(bests)
        half = 4.303 * statistics.stdev(bests) / 3 ** 0.5
        self.assertEqual(rows[2][1], "3")
        said = [float(part) for part in rows[2][2].split(" ± ")]
        self.assertAlmostEqual(said[0], mean, delta=2e-3 * abs(mean))
        self.assertAlmostEqual(said[1], half, delta=0.06 * half)
        last = self.browser.run("""
            const plot = plots.find((plot) => plot.host.closest('#comparison'));
            return plot.options.points.id.filter((p) => p.k === 1).at(-1)""")
        self.assertAlmostEqual(last["mean"], mean, 6)
        self.assertAlmostEqual(last["half"], half, delta=1e-3 * half)
        self.check_quiet()

    def test_strategies_of_one_spec_are_told_apart(self):
        """As `pbt compare` leaves them: one name, several strategies, several seeds."""
        self.make_spec("")
        for name in ("pbt", "random"):
            for seed in (1, 2):
                self.pbt("run", "toy.yaml", "-q", "--dir", f"{name}-{seed}", "--seed", str(seed),
                         "--set", f"strategy={name}")
        self.pbt("report", "pbt-1", "--compare", "pbt-2", "random-1", "random-2", "-o", "s.html",
                 "-q")
        self.browser.open(self.path("s.html"))
        self.assertEqual(
            self.browser.run("return [...document.querySelectorAll('#comparison tbody tr')]"
                             ".map((row) => [row.cells[0].textContent, row.cells[1].textContent])"),
            [["toy: pbt", "2"], ["pbt-1", ""], ["pbt-2", ""],
             ["toy: random", "2"], ["random-1", ""], ["random-2", ""]])
        self.check_quiet()

    def test_compare_needs_somebody(self):
        self.make_study()
        self.assertIn("no study to compare with",
                      self.pbt("report", "s", "--compare", code=2).stderr)

    def test_following_a_segment_names_its_founder(self):
        self.open_report()
        document = self.json("show", "s", "--full")
        lineage = document["winner"]["lineage"]
        founder = document["segments"]["member"][lineage[0]]
        self.browser.run("""
            const plot = plots.find((plot) => plot.host.closest('#lineage'));
            plot.options.choose(arguments[0]);""", lineage[-1])
        text = self.browser.run("return document.getElementById('followed').textContent")
        self.assertIn(f"{len(lineage)} segments", text)
        self.assertIn(f"from founder {founder}.", text)

    def test_the_schedule_is_that_of_best(self):
        self.open_report()
        self.maxDiff = None
        formats = self.browser.run("""
            return ['JSON', 'CSV', 'Python'].map((name) => {
              const box = document.getElementById('schedule');
              [...box.querySelectorAll('button')].find((b) => b.textContent === name).click();
              return box.querySelector('pre').textContent; })""")
        schedule = self.json("best", "s")["schedule"]
        self.assertEqual(json.loads(formats[0]), schedule)
        lines = formats[1].splitlines()
        self.assertEqual(len(lines), len(schedule) + 1)
        self.assertEqual(float(lines[1].split(",")[2]), schedule[0]["hyperparameters"]["lr"])
        made = {}
        exec(formats[2], made)  # our own text: it has to be Python
        for row in schedule:
            self.assertEqual(made["hyperparameters"](row["from"]), row["hyperparameters"])
        rows = self.browser.run("return document.querySelectorAll('#schedule tbody tr').length")
        self.assertEqual(rows, len(schedule))

    def test_hostile_text_is_text(self):
        self.open_report()
        self.assertEqual(self.browser.run("return document.title"), "sixteen – pbt report")
        failures = self.browser.run("return document.getElementById('failures').textContent")
        self.assertIn("</script><script>document.title", failures)
        self.assertIn("\U0001F642", failures)
        self.assertEqual(self.browser.run("return document.querySelectorAll('main b, main i:not("
                                          ".legend i)').length"), 0)

    def test_decisions_can_be_searched(self):
        self.open_report()
        count = self.browser.run("""
            const search = document.getElementById('search');
            const count = () => document.querySelectorAll('#decisions tbody tr').length;
            const all = count();
            search.value = 'member 3 replaced';
            search.dispatchEvent(new Event('input'));
            return [all, count(), [...document.querySelectorAll('#decisions tbody tr')]
              .every(({ textContent }) =>
                /member 3\\b/.test(textContent) && /replaced/.test(textContent))]""")
        self.assertGreater(count[0], count[1])
        self.assertTrue(count[2])

    def test_it_fits_a_narrow_screen(self):
        self.browser.narrow(320)
        try:
            self.open_report()
            self.assertEqual(self.browser.run("return innerWidth"), 320)
            room, wide = self.browser.run("const root = document.documentElement;"
                                          "return [root.clientWidth, root.scrollWidth]")
            self.assertLessEqual(wide, room)
        finally:
            self.browser.narrow(0)


class Large(Lab):
    def test_a_thousand_members_and_100000_segments(self):
        """Drawn without an error; the file stays below 20 MiB."""
        study = os.path.join(self.folder, "large")
        subprocess.run([os.path.join(BUILD, "bench", "bench_scale"), "1000", "100000", study],
                       env={**os.environ, "PBT_BIN": ""}, check=True, stdout=subprocess.DEVNULL)
        self.pbt("report", "large", "-q")
        path = os.path.join(study, "report.html")
        self.assertLess(os.path.getsize(path), 20 << 20)
        page = browser.Browser()
        try:
            page.open(path)
            marks = page.run("return plots.map((plot) => [plot.options.label, plot.marks])")
            for label, count in marks:
                self.assertGreater(count, 0, label)
            self.assertGreater(max(count for _, count in marks), 100000)
            self.assertEqual([e for e in page.log("browser") if e["level"] == "SEVERE"], [])
        finally:
            page.close()


if __name__ == "__main__":
    if not browser.is_there():
        print("chromium or chromedriver is not installed")
        sys.exit(77)
    unittest.main()

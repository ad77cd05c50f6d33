# SPDX-License-Identifier: Apache-2.0
"""test_use.py - pbt use: the best network of a builtin trainer put to use.

Rules: images get the label that the network's score was measured with; options and arguments of
the trainer are checked; a seed decides what an agent plays; what is wrong is said, with the exit
code that goes with it; nothing of the study changes.
"""
import gzip
import json
import os
import struct
import subprocess
import unittest

from cli_lab import PBT, Lab

ROWS, COLUMNS, CLASSES, IMAGES, HELD_OUT = 6, 5, 3, 200, 60

CLASSIFY = f"""
study: bands
seed: 5
trainer: {{builtin: classify}}
population: 2
steps: 1400
ready: 700
slots: 1
score: {{name: accuracy, goal: maximize}}
space:
  lr: {{type: log, low: 1e-2, high: 0.1}}
  width: {{type: integer, low: 8, high: 16, frozen: true}}
fixed: {{data: images, held_out: {HELD_OUT}}}
"""

A2C = """
study: poles
seed: 6
trainer: {builtin: a2c}
population: 2
steps: STEPS
ready: READY
slots: 1
score: {name: return, goal: maximize}
space:
  lr: {type: log, low: 1e-3, high: 1e-2}
fixed: {game: GAME, envs: 4, hidden: 16, lstm: true, inputs: true, reward_scale: 0.5MORE}
"""


def idx(sizes, values, compressed=False):
    """The bytes of an idx file."""
    plain = struct.pack(">I", 0x800 + len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes)
    return gzip.compress(plain + bytes(values)) if compressed else plain + bytes(values)


def image(number):
    """Noise with a bright band that the label places."""
    pixels = [(number * 31 + i * 17) % 60 for i in range(ROWS * COLUMNS)]
    for row in (2 * (number % CLASSES), 2 * (number % CLASSES) + 1):
        for column in range(COLUMNS):
            pixels[row * COLUMNS + column] += 150
    return pixels


class Use(Lab):
    def setUp(self):
        super().setUp()
        if not self.json("version")["builtin_trainers"]:
            self.skipTest("built without builtin trainers")

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def refuses(self, code, words, *arguments):
        done = self.pbt("use", *arguments, code=code)
        self.assertEqual(done.stdout, "")
        self.assertIn(words, done.stderr)
        self.assertTrue(done.stderr.startswith("pbt use: "), done.stderr)

    def lines(self, *arguments):
        return [json.loads(line)
                for line in self.pbt("use", *arguments, "--json").stdout.splitlines()]


class Images(Use):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("images"))
        pictures = [image(number) for number in range(IMAGES)]
        self.put("images/train-images-idx3-ubyte", idx((IMAGES, ROWS, COLUMNS), sum(pictures, [])))
        self.put("images/train-labels-idx1-ubyte",
                 idx((IMAGES,), [number % CLASSES for number in range(IMAGES)]))
        held_out = pictures[-HELD_OUT:]
        self.put("held_out.gz", idx((HELD_OUT, ROWS, COLUMNS), sum(held_out, []), True))
        self.write("bands.yaml", CLASSIFY)
        self.pbt("run", "bands.yaml", "-q")

    def test_labels_are_those_of_the_score(self):
        before = self.pbt("log", "bands").stdout
        found = self.lines("bands", "held_out.gz")
        self.assertEqual([line["image"] for line in found], list(range(HELD_OUT)))
        right = 0
        for line in found:
            share = line["probabilities"]
            self.assertEqual(len(share), CLASSES)
            self.assertAlmostEqual(sum(share), 1.0, places=4)
            self.assertEqual(line["label"], share.index(max(share)))
            right += line["label"] == (IMAGES - HELD_OUT + line["image"]) % CLASSES
        best = self.json("best", "bands")
        self.assertAlmostEqual(right / HELD_OUT, best["best"]["score"])
        text = self.pbt("use", "bands", "held_out.gz", "--count", "2").stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in text],
                         [[str(line["image"]), str(line["label"])] for line in found[:2]])
        for which in (os.path.basename(best["path"]), best["path"]):
            self.assertEqual(found, self.lines("bands", "--checkpoint", which, "held_out.gz"))
        self.pbt("best", "bands", "--copy-to", "copy", "--json")
        self.assertEqual(found, self.lines("--checkpoint=copy", "bands", "held_out.gz"))
        self.assertEqual(self.pbt("log", "bands").stdout, before)

    def test_files_are_found_from_elsewhere(self):
        os.mkdir(self.path("elsewhere"))
        done = subprocess.run([PBT, "use", "../bands", "../held_out.gz", "--count=3"],
                              cwd=self.path("elsewhere"), check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 3)

    def test_what_is_wrong_is_said(self):
        self.refuses(2, "a file of images in idx form is missing", "bands")
        self.refuses(2, "could not open file \"nothing\": No such file", "bands", "nothing")
        self.put("text", b"no images at all")
        self.refuses(3, "is not an idx file", "bands", "text")
        self.put("small", idx((2, 2, 2), range(8)))
        self.refuses(2, "have 4 pixels; the network takes 30", "bands", "small")
        self.put("cut", idx((2, ROWS, COLUMNS), range(59)))
        self.refuses(3, "is truncated", "bands", "cut")
        self.refuses(2, "option --count is \"0\"; allowed are whole numbers from 1", "bands",
                     "held_out.gz", "--count", "0")
        self.refuses(2, "option --count is \"\"", "bands", "held_out.gz", "--count")
        self.refuses(2, "unexpected \"--fast\"; this trainer takes: FILE", "bands", "held_out.gz",
                     "--fast")
        self.refuses(2, "unexpected \"more\"", "bands", "held_out.gz", "more")
        self.refuses(2, "there is no checkpoint \"m9.s9.a9\"", "bands", "--checkpoint", "m9.s9.a9",
                     "held_out.gz")
        self.refuses(3, "No such file or directory", "bands", "--checkpoint", "images",
                     "held_out.gz")
        self.refuses(2, "is not a folder", "bands", "--checkpoint", "small", "held_out.gz")
        self.refuses(2, "option --checkpoint needs a value", "bands", "--checkpoint")
        self.refuses(2, "an argument is missing: DIR", "--checkpoint", "m0.s1.a1")
        self.refuses(2, "there is no study in \"nowhere\"", "nowhere", "held_out.gz")

    def test_a_reader_that_leaves_early_is_no_error(self):
        self.put("many", idx((20000, ROWS, COLUMNS), bytes(20000 * ROWS * COLUMNS)))
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {PBT} use bands many | head -n 1"],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Agents(Use):
    def study(self, game, more="", ready=1000):
        self.write("poles.yaml", A2C.replace("GAME", game).replace("MORE", more)
                   .replace("STEPS", str(2 * ready)).replace("READY", str(ready)))
        self.pbt("run", "poles.yaml", "-q")

    def test_returns_of_episodes(self):
        self.study("cartpole")
        found = self.lines("poles", "--episodes", "7")
        returns = [line["return"] for line in found[:-1]]
        self.assertEqual([line["episode"] for line in found[:-1]], list(range(1, 8)))
        self.assertEqual([line["frames"] for line in found[:-1]], returns)  # 1 for each frame
        self.assertEqual(found[-1]["episodes"], 7)
        self.assertAlmostEqual(found[-1]["mean"], sum(returns) / 7)
        text = self.pbt("use", "poles", "--episodes", "7").stdout
        self.assertRegex(text.splitlines()[-1], r"^7 episodes  mean return ")
        self.assertEqual(text, self.pbt("use", "poles", "--episodes", "7", "--seed", "6").stdout)
        self.assertNotEqual(text, self.pbt("use", "poles", "--episodes", "7", "--seed", "7").stdout)
        self.refuses(2, "option --episodes is \"many\"", "poles", "--episodes", "many")
        self.refuses(2, "this trainer takes: --episodes N", "poles", "file")

    def test_an_episode_is_drawn(self):
        self.study("cartpole")
        found = self.lines("poles")
        self.assertEqual(sum(line["reward"] for line in found[:-1]), found[-1]["return"])
        self.assertTrue(found[-1]["over"])
        self.assertEqual({len(line["features"]) for line in found[:-1]}, {4})
        text = self.pbt("use", "poles").stdout.splitlines()
        self.assertEqual(len(text), 5 * len(found[:-1]) + 1)
        self.assertNotIn("\033", "".join(text))

    def test_a_picture_game_is_drawn(self):
        self.study("breakout")
        text = self.pbt("use", "poles", "--frames", "2").stdout.splitlines()
        self.assertEqual(len(text), 2 * 11 + 1)
        self.assertEqual(text[1], "#" * 10)
        self.assertIn("=", text[9])
        self.assertIn("not over", text[-1])


    def test_a_maze_is_drawn(self):
        self.study("maze", ", agent: unreal", 1300)
        text = self.pbt("use", "poles", "--frames", "1").stdout.splitlines()
        self.assertEqual(len(text), 7 + 2)
        self.assertIn("?", "".join(text[:7]))  # not seen
        self.assertIn(text[6][3], ".a")        # where the agent is
        found = self.lines("poles", "--frames", "40")
        self.assertEqual({len(line["picture"]) for line in found[:-1]}, {7})

    def test_a_picture_of_bytes_is_drawn(self):
        self.study("maze3d", ", size: 7", 3700)
        found = self.lines("poles", "--frames", "40")
        rows = found[0]["picture"]
        self.assertEqual((len(rows), {len(row) for row in rows}), (24, {24}))
        self.assertEqual(found[-1]["return"], sum(line["reward"] for line in found[:-1]))
        self.assertNotEqual(found[0]["picture"], found[39]["picture"])


class Others(Use):
    def test_a_trainer_of_ones_own_cannot_be_used(self):
        self.run_toy("", "-q")
        self.refuses(2, "the trainer of \"toy\" is not a builtin one", "toy")


if __name__ == "__main__":
    unittest.main()

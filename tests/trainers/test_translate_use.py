# SPDX-License-Identifier: Apache-2.0
"""Rules of `pbt use` for translate: one line in is one line out, in the same order, whatever is in
between; a line gets the same answer alone and among others; the checkpoint is enough, the text may
be gone; BLEU is printed with its signature; what cannot be read is named by line; a study of text
that is not there says what makes it."""
import os
import shutil
import subprocess
import tempfile
import unittest

PBT = os.environ["PBT_BIN"]
SPEC = """study: {name}
trainer: {{builtin: translate}}
population: 1
steps: 6000
ready: {{every: 6000}}
score: {{name: bleu, goal: maximize}}
space:
  lr: {{type: log, low: 0.009, high: 0.011}}
fixed: {{data: {data}, vocab: 300, width: 16, ffn: 24, heads: 2, layers: 1, batch: 100, warmup: 5,
  sentences: 10, max_length: 16}}
"""
SOURCE = ["the cat sees the dog.", "a dog runs.", "the cat runs and the dog sees a cat."]
TARGET = ["die Katze sieht den Hund.", "ein Hund rennt.", "die Katze rennt und der Hund sieht."]


class Use(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pbt-use-")
        text = os.path.join(cls.folder, "text")
        os.mkdir(text)
        for part in ("train", "dev", "test"):
            for language, lines in (("en", SOURCE), ("de", TARGET)):
                cls.write(os.path.join(text, f"{part}.{language}"), lines * 20)
        done = cls.run_study("study", text)
        assert done.returncode == 0, done.stderr
        shutil.rmtree(text)  # the checkpoint is enough

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @staticmethod
    def write(path, lines):
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    @classmethod
    def run_study(cls, name, data):
        spec = os.path.join(cls.folder, f"{name}.yaml")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(SPEC.format(name=name, data=data).replace("300", "270"))
        return subprocess.run([PBT, "run", spec, "--dir", os.path.join(cls.folder, name), "-q"],
                              capture_output=True, text=True, check=False)

    def use(self, lines, *options):
        return subprocess.run([PBT, "use", os.path.join(self.folder, "study"), *options],
                              input=lines, capture_output=True, check=False)

    def answers(self, lines, *options):
        done = self.use("".join(line + "\n" for line in lines).encode(), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().split("\n")[:-1]

    def test_one_line_in_is_one_line_out(self):
        lines = [SOURCE[0], "", SOURCE[1], "Größe „x“ 日本", "   ", SOURCE[0]]
        together = self.answers(lines)
        self.assertEqual(len(together), len(lines))
        self.assertEqual((together[1], together[4]), ("", ""))
        self.assertEqual(together[0], together[5])
        for line, answer in zip(lines, together):
            self.assertEqual(self.answers([line]), [answer])
        done = self.use(SOURCE[1].encode())  # without a newline at the end
        self.assertEqual(done.stdout.decode(), together[2] + "\n")

    def test_long_lines_are_cut_and_said_once(self):
        done = self.use((" ".join(SOURCE * 5) + "\n").encode() * 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertEqual(done.stderr.count(b"longer than 16 subwords"), 1)

    def test_several_answers_with_their_scores(self):
        for line in self.answers([SOURCE[0]], "--beam", "3", "--nbest", "2"):
            self.assertRegex(line, r"^1\t-?\d+\.\d{6}\t")
        done = self.use(b"", "--beam", "2", "--nbest", "3")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"option --nbest is 3", done.stderr)

    def test_bleu_is_printed_with_its_signature(self):
        path = os.path.join(self.folder, "reference")
        self.write(path, TARGET)
        lines = "".join(line + "\n" for line in SOURCE).encode()
        done = self.use(lines, "--ref", path, "--beam", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        signature = r"nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp"
        self.assertRegex(done.stderr.decode(), r"(?m)^BLEU \d+\.\d\d \(" + signature + ", ")
        done = self.use(lines[:20] + b"\n", "--ref", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"the input has 1 lines and ", done.stderr)

    def test_what_cannot_be_read_is_named_by_line(self):
        done = self.use(SOURCE[0].encode() + b"\nb\xffd\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"line 2 of the input is not UTF-8", done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_text_that_is_not_there_says_what_makes_it(self):
        done = self.run_study("missing", os.path.join(self.folder, "nothing"))
        self.assertNotEqual(done.returncode, 0)
        log = subprocess.run([PBT, "log", os.path.join(self.folder, "missing")],
                             capture_output=True, text=True, check=True)
        self.assertIn("`pbt corpus` makes", log.stdout)


if __name__ == "__main__":
    unittest.main()

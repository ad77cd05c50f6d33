# SPDX-License-Identifier: Apache-2.0
"""Rules of `pbt corpus`: pairs are those of blocks with the same id, of the default variant for all
systems, cut into sentences where both sides have as many; what is no prose is dropped and counted;
no page is in two parts; a second call changes nothing; trouble is told in a line."""
import os
import subprocess
import tempfile
import unittest

PBT = os.environ["PBT_BIN"]
PAGE = """<html><body><p id="outside">This is outside of the page itself.</p>
<div id="DisplayArea" class="x"><h1 id="h">{0}</h1><p id="two">{1}</p><p>no id, so no block</p>
<p id="code">a = b &lt; c and so on</p><p id="same">Calc Calc Calc</p><p id="{2}">{3}</p></div>
<div id="SearchFrame"><p id="after">This is behind the page itself.</p></div></body></html>
"""
SWITCH = ('<span class="switchinline"><span hidden="true" id="MACx" class="MAC">{0}</span>'
          '<span hidden="true" id="defaultx">{1}</span></span>')


class Corpus(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="pbt-corpus-test-")
        self.pages = os.path.join(self.folder.name, "pages")
        self.to = os.path.join(self.folder.name, "to")

    def tearDown(self):
        self.folder.cleanup()

    def page(self, language, name, *texts):
        path = os.path.join(self.pages, language, "text", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(PAGE.format(*texts))

    def make_pages(self, count):
        for i in range(count):
            word = "".join(chr(97 + int(digit)) * 2 for digit in f"{i:03}")
            key = "only-" + word
            self.page("en-US", f"calc/{i}.html", f"Insert the {word} into the table",
                      f"Press the {word} key e.g. Enter. Then the {word} opens again.", key,
                      "Press " + SWITCH.format("Command", "Control") + f" to see {word}.")
            self.page("de", f"calc/{i}.html", f"Fügen Sie {word} in die Tabelle ein",
                      f"Drücken Sie die Taste {word} z.B. Eingabe. Dann öffnet sich {word} wieder.",
                      key, "Drücken Sie " + SWITCH.format("Befehl", "Strg") + f" für {word}.")

    def corpus(self, *options):
        return subprocess.run([PBT, "corpus", "--from", self.pages, "--to", self.to, *options],
                              capture_output=True, text=True, check=False)

    def lines(self, name):
        with open(os.path.join(self.to, name), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_pairs_of_pages(self):
        self.make_pages(120)
        done = self.corpus()
        self.assertEqual(done.returncode, 0, done.stderr)
        pairs = []
        for part in ("train", "dev", "test"):
            ours, theirs = self.lines(f"{part}.en"), self.lines(f"{part}.de")
            self.assertEqual(len(ours), len(theirs))
            pairs.append(list(zip(ours, theirs)))
        every = sum(pairs, [])
        self.assertEqual(len(every), 4 * 120)
        self.assertIn(("Insert the aaaaaa into the table", "Fügen Sie aaaaaa in die Tabelle ein"),
                      every)
        self.assertIn(("Press the aaaaaa key e.g. Enter.",
                       "Drücken Sie die Taste aaaaaa z.B. Eingabe."), every)
        self.assertIn(("Press Control to see aaaaaa.", "Drücken Sie Strg für aaaaaa."), every)
        words = [{line.split()[2] for line, _ in part if line.startswith("Insert")}
                 for part in pairs]
        self.assertFalse(words[0] & words[1] | words[0] & words[2] | words[1] & words[2])

    def test_a_second_call_changes_nothing(self):
        self.make_pages(60)
        self.assertEqual(self.corpus().returncode, 0)
        before = os.stat(os.path.join(self.to, "train.en")).st_mtime_ns
        done = self.corpus()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("is there already", done.stdout)
        self.assertEqual(os.stat(os.path.join(self.to, "train.en")).st_mtime_ns, before)
        self.assertEqual(self.corpus("--again").returncode, 0)

    def test_trouble_is_told_in_a_line(self):
        os.mkdir(self.pages)
        done = self.corpus()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr,
                         r"^pbt corpus: \".*\" has no libreoffice-help-en-us_\*\.deb\n$")
        self.make_pages(1)
        done = self.corpus()
        self.assertEqual(done.returncode, 1)
        self.assertIn("no pairs of sentences", done.stderr)
        self.assertFalse(os.path.exists(self.to))


if __name__ == "__main__":
    unittest.main()

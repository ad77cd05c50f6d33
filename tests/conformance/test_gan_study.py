#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_gan_study.py - the builtin trainer `gan` in real studies, on small pictures that the test
makes: `pbt check` finds nothing to object to, the score rises from the first segments to the end,
and the final evaluation is another judge's.
"""

import json
import random
import struct
import unittest

from real_study import Study, main

SIDE, CLASSES, TRAIN, TEST = 8, 4, 240, 80
SPACE = {"lr_d": {"type": "log", "low": 5e-4, "high": 5e-3},
         "lr_g": {"type": "log", "low": 5e-4, "high": 5e-3}}


def write_pictures(folder, prefix, count, seed):
    """Noise with a bright half that the label places, as idx files."""
    draw = random.Random(seed)
    labels = bytes(i % CLASSES for i in range(count))
    cells = bytearray()
    for label in labels:
        for y in range(SIDE):
            for x in range(SIDE):
                along = (y, SIDE - 1 - y, x, SIDE - 1 - x)[label]
                cells.append((200 if along < SIDE // 2 else 40) + draw.randint(-30, 30))
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(
        struct.pack(">4I", 0x803, count, SIDE, SIDE) + bytes(cells))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels)


class GanStudy(unittest.TestCase):

    def study(self, **changes):
        spec = {"trainer": {"builtin": "gan"}, "space": SPACE,
                "score": {"name": "inception", "goal": "maximize"}}
        study = Study(self, **{**spec, **changes})
        if not json.loads(study.pbt("version", "--json").out)["builtin_trainers"]:
            self.skipTest("this pbt has no builtin trainers")
        folder = study.spec_file.parent
        write_pictures(folder, "train", TRAIN, 1)
        write_pictures(folder, "t10k", TEST, 2)
        study.spec["fixed"] = {"data": str(folder), "judges": str(folder / "judges"), "width": 8,
                               "latent": 8, "batch": 16, "samples": 200}
        study.write_spec()
        return study

    def test_check_finds_nothing(self):
        study = self.study(steps=640, ready=320)
        answer = study.pbt("check", study.spec_file, "--json", seconds=120)
        found = {(finding["name"], finding["severity"])
                 for finding in json.loads(answer.out)["findings"]}
        self.assertLessEqual({severity for _, severity in found}, {"good", "note"}, answer.out)
        for name in ("deterministic", "continues", "effect", "restored"):
            self.assertIn((name, "good"), found)

    def test_the_score_rises_and_another_judge_has_the_last_word(self):
        study = self.study(population=4, steps=4800, ready=480,
                           final_evaluation={"judge": 1, "samples": 500})
        study.run()
        study.sound()
        shown = json.loads(study.pbt("show", study.dir, "--json").out)
        final = shown["final_evaluation"]["metrics"]
        self.assertEqual(final["judge"], 1)
        self.assertGreater(final["inception_test"], final["inception_noise"])
        scores = [event["scores"][0] for event in study.log("report")]
        self.assertGreater(max(scores), 1.2 * max(scores[:4]), scores)
        for name in study.checkpoints():
            png = (study.dir / "checkpoints" / name / "samples.png").read_bytes()
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.use(study)

    def use(self, study):
        """Sheets, walks and single pictures of the best network; what is wrong is said."""
        def size_of(path):
            return struct.unpack(">2I", path.read_bytes()[16:24])
        out = study.spec_file.parent
        sheet, again, walk, each = (out / name for name in ("s.png", "t.png", "w.png", "each"))
        answer = study.pbt("use", study.dir, "sheet", sheet, "--count", "10", "--across", "5",
                           "--seed", "3")
        self.assertEqual(answer.out, f"{sheet}\n")
        self.assertEqual(size_of(sheet), (5 * (SIDE + 1) + 1, 2 * (SIDE + 1) + 1))
        study.pbt("use", study.dir, "sheet", again, "--count", "10", "--across", "5", "--seed", "3")
        self.assertEqual(sheet.read_bytes(), again.read_bytes())
        study.pbt("use", study.dir, "walk", walk, "--count", "2", "--steps", "7")
        self.assertEqual(size_of(walk), (7 * (SIDE + 1) + 1, 2 * (SIDE + 1) + 1))
        answer = study.pbt("use", study.dir, "each", each, "--count", "3", "--json")
        files = [json.loads(line)["file"] for line in answer.out.splitlines()]
        self.assertEqual(files, [f"{each}/sample-00000{i}.png" for i in (1, 2, 3)])
        self.assertEqual(size_of(each / "sample-000003.png"), (SIDE, SIDE))
        for words in (("sheet",), ("dance", sheet), ("sheet", sheet, "--steps", "3"),
                      ("walk", sheet, "--count", "5000"), ("sheet", sheet, "more")):
            self.assertEqual(study.pbt("use", study.dir, *words, code=2).out, "", words)
        study.pbt("use", study.dir, "sheet", out / "none" / "s.png", code=3)


if __name__ == "__main__":
    main()

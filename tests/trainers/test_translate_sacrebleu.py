# SPDX-License-Identifier: Apache-2.0
"""Rule: over 2,000 made pairs (Unicode, empty lines, entities, numbers) BLEU with every smoothing,
the BLEU of each segment and chrF are sacrebleu's own. Skipped where Python has no sacrebleu."""
import os
import random
import subprocess
import sys
import tempfile

try:
    import sacrebleu
    from sacrebleu.metrics import BLEU, CHRF
except ImportError:
    sys.exit(77)

WORDS = ["Haus", "die", "Katze", "A4-Seite", "1.234,56", "10-20", "%", "z.B.", "„Ja“", "größer",
         "&amp;", "&quot;", "&lt;y&gt;", "x_y@z", "don't", "5€", "…", "–", "50\u00a0%", "a.b,c",
         "-5",
         "(2.1)", "日本語", "😀", "e\u0301", "https://a.b/c?d=e&f", "3.", ",", "...", "'", "<skipped>",
         "\u2003", "\u202f", "der", "der", "die", "ist", "ist"]
program = os.path.join(os.environ["PBT_BUILD_DIR"], "tests/trainers/test_trainers_translate_bleu")


def line(dice):
    return " ".join(dice.choice(WORDS) for _ in range(dice.choice([0, 1, 2, 3, 5, 8, 13, 30])))


def changed(dice, text):
    words = text.split(" ")
    return " ".join(dice.choice(WORDS) if dice.random() < 0.3 else word for word in words)


dice = random.Random(12)
references = [line(dice) for _ in range(2000)]
hypotheses = [changed(dice, text) if dice.random() < 0.9 else "" for text in references]
with tempfile.TemporaryDirectory() as folder:
    paths = [os.path.join(folder, name) for name in ("hypotheses", "references")]
    for path, lines in zip(paths, (hypotheses, references)):
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write("".join(text + "\n" for text in lines))
    printed = subprocess.run([program, "score", *paths], capture_output=True, text=True, check=True)
got = [float(text) for text in printed.stdout.split()]
single = BLEU(effective_order=True)
expected = [single.sentence_score(ours, [theirs]).score
            for ours, theirs in zip(hypotheses, references)]
for method in ("exp", "none", "floor", "add-k"):
    expected.append(BLEU(smooth_method=method).corpus_score(hypotheses, [references]).score)
expected.append(CHRF().corpus_score(hypotheses, [references]).score)
assert len(got) == len(expected)
for place, (ours, theirs) in enumerate(zip(got, expected)):
    assert abs(ours - theirs) <= 1e-9, (place, ours, theirs)
print(f"{len(got)} scores agree with sacrebleu {sacrebleu.__version__}")

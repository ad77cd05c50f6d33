# SPDX-License-Identifier: Apache-2.0
"""test_document.py - the one document about a study: pbt show --json --full.

Rules: it is what docs/json.md says; all columns are of one length; each segment starts where its
parent ended; the winner's lineage and schedule are those of `pbt best`; hostile text survives.
"""
import unittest

from cli_lab import Lab
from test_look import documented


class Document(Lab):
    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")
        self.document = self.json("show", "toy", "--full")

    def test_it_is_as_documented(self):
        names = documented("pbt show --json --full")
        segments = {"count", "total", "every", "member", "segment", "attempt", "parent", "from",
                    "to", "row", "score", "began", "ended", "load_ms", "train_ms", "save_ms",
                    "lane", "outcome", "decision", "why", "opponent", "decision_seq"}
        self.assertEqual(set(self.document), names)
        self.assertEqual(set(self.document["segments"]), segments)

    def test_columns_fit_together(self):
        segments = self.document["segments"]
        counts = self.json("show", "toy")["counts"]
        self.assertEqual(segments["count"], counts["attempts"])
        self.assertEqual(segments["every"], 1)
        columns = {name: column for name, column in segments.items() if isinstance(column, list)}
        self.assertEqual({len(column) for column in columns.values()}, {segments["count"]})
        for place, parent in enumerate(segments["parent"]):
            self.assertLess(parent, place)
            start = 0 if parent < 0 else segments["to"][parent]
            self.assertEqual(segments["from"][place], start)
        rows = {len(column) for column in self.document["values"]}
        self.assertEqual(rows, {max(segments["row"]) + 1})
        self.assertLess(max(segments["lane"]), len(self.document["lanes"]))

    def test_the_winner_is_that_of_best(self):
        best = self.json("best", "toy")
        winner = self.document["winner"]
        segments = self.document["segments"]
        self.assertEqual(winner["best"], best["best"])
        self.assertEqual(winner["schedule"], best["schedule"])
        lineage = [(segments["member"][i], segments["segment"][i]) for i in winner["lineage"]]
        self.assertEqual(lineage, [(row["member"], row["segment"]) for row in best["lineage"]])

    def test_decisions_and_exploits_agree(self):
        exploits = self.json("show", "toy")["counts"]["exploits"]
        self.assertGreater(exploits, 0)
        code = {name: int(key) for key, name in self.document["codes"]["decision"].items()}
        column = self.document["segments"]["decision"]
        self.assertEqual(column.count(code["replace"]), exploits)
        self.assertEqual(self.document["decisions_total"], exploits)
        told = {decision["seq"] for decision in self.document["decisions"]}
        seqs = self.document["segments"]["decision_seq"]
        self.assertEqual(told, {seqs[i] for i, kind in enumerate(column)
                                if kind == code["replace"]})

    def test_full_needs_json(self):
        self.assertEqual(self.pbt("show", "toy", "--full", code=2).returncode, 2)


class Failures(Lab):
    def test_a_failure_comes_with_the_end_of_its_log(self):
        self.make_spec("fixed: {crash: true}\n")
        self.pbt("run", "toy.yaml", "-q", code=1)
        document = self.json("show", "toy", "--full")
        self.assertEqual(document["failures_total"], len(document["failures"]))
        failure = document["failures"][-1]
        self.assertIn("broken on purpose", failure["text"] + "\n".join(failure["log"]))
        self.assertIsNone(document["winner"])


if __name__ == "__main__":
    unittest.main()

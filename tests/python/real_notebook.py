# SPDX-License-Identifier: Apache-2.0
"""real_notebook.py - in a notebook a study shows its progress, its report and its tables.

The cells run in a real kernel, without a browser.
"""

import os
import sys
import tempfile
import unittest

from adapter_lab import EXAMPLES, PBT, need

need("nbclient", "nbformat", "ipykernel")
import nbclient  # noqa: E402
import nbformat  # noqa: E402

CELLS = [
    f"""
import os, sys
os.environ["PBT_BIN"] = {PBT!r}
sys.path.insert(0, {os.path.join(os.path.dirname(EXAMPLES), "python")!r})
import pbt
study = pbt.Study("toy", trainer={os.path.join(EXAMPLES, "loop", "train.py")!r}, population=4,
                  steps=200, ready=20, score=pbt.minimize("loss"), sync="normal",
                  space={{"lr": pbt.log(1e-4, 1.0), "momentum": pbt.logit(0.1, 0.99)}})
study.check(steps=10)["good"]""",
    "study.run(slots=2);",
    "study.schedule()",
    "study",
]


class Notebook(unittest.TestCase):
    def test_a_study_in_a_notebook(self):
        with tempfile.TemporaryDirectory() as folder:
            notebook = nbformat.v4.new_notebook()
            notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
            notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
            nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3",
                                    resources={"metadata": {"path": folder}}).execute()
        checked, ran, schedule, report = (cell.outputs for cell in notebook.cells)
        self.assertEqual(checked[-1].data["text/plain"], "True")
        self.assertEqual(len(ran), 1)  # one line, which changed as the study went on
        self.assertIn("ended, 800 of 800 steps, best loss", ran[0].data["text/plain"])
        self.assertIn("momentum", schedule[-1].data["text/plain"])
        page = report[-1].data["text/html"]
        self.assertTrue(page.startswith("<iframe srcdoc="))
        self.assertIn("toy", page)


if __name__ == "__main__":
    assert sys.version_info >= (3, 10)
    unittest.main(verbosity=2)

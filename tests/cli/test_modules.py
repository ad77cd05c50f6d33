#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_modules.py - large libraries are loaded when they are needed; what is missing is named."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PBT = os.environ["PBT_BIN"]
MODULES = pathlib.Path(os.environ["PBT_MODULES"])
# Each by a call that needs it and ends at once without it, and what the message has to name.
USES = {
    "trainers": (["trainer", "classify"], "no builtin trainers", "oneDNN"),
    "dashboard": (["dashboard", "."], "no dashboard", "libmicrohttpd"),
    "postgres": (["run", "SPEC", "--journal", "postgresql://localhost/x"],
                 "no journals in PostgreSQL", "libpq"),
    "bayes": (["run", "SPEC", "--set", "strategy=bayes"], "no Bayesian optimisation", "LAPACKE"),
}
SPEC = """
trainer: {one_shot: ["true"]}
population: 2
steps: 1
space: {lr: {type: log, low: 1e-5, high: 1e-1}}
"""


@unittest.skipUnless((MODULES / "trainers.so").exists(), "built without modules")
class Modules(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pbt-modules-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
        (self.folder / "modules").mkdir()

    def call(self, arguments):
        arguments = ["spec.yaml" if word == "SPEC" else word for word in arguments]
        environment = dict(os.environ, PBT_MODULES=str(self.folder / "modules"))
        return subprocess.run([PBT, *arguments], cwd=self.folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)

    def test_a_missing_module_is_named_with_what_to_install(self):
        for name, (arguments, message, package) in USES.items():
            with self.subTest(name):
                done = self.call(arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(message, done.stderr)
                self.assertIn(f"{name}.so was not found", done.stderr)
                self.assertIn(package, done.stderr)

    def test_a_file_that_is_no_module_is_refused(self):
        for name, (arguments, message, _) in USES.items():
            with self.subTest(name):
                file = self.folder / "modules" / f"{name}.so"
                file.write_text("not a shared object", encoding="utf-8")
                done = self.call(arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(message, done.stderr)
                self.assertIn(f"{name}.so", done.stderr)

    def test_a_module_of_another_build_is_refused(self):
        library = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True,
                                 env=dict(os.environ, PATH="/usr/sbin:/sbin:" + os.environ["PATH"]))
        other = next(line.split()[-1] for line in library.stdout.splitlines()
                     if line.strip().startswith("libm.so.6 "))
        shutil.copy(other, self.folder / "modules" / "dashboard.so")
        done = self.call(USES["dashboard"][0])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("another version of pbt", done.stderr)

    def test_the_command_needs_few_libraries(self):
        listing = subprocess.run(["ldd", PBT], capture_output=True, text=True, check=True).stdout
        for name in ("libpq", "lapack", "nlopt", "dnnl", "microhttpd", "gomp"):
            self.assertNotIn(name, listing)


if __name__ == "__main__":
    unittest.main()

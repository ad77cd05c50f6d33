#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_valgrind.py - a whole short study under valgrind: no wrong access to memory, no leak, and
rule 11 once more, since nothing is as slow as this.
"""

import shutil
import signal
import unittest

from real_study import PBT, Study, main

VALGRIND = shutil.which("valgrind")
BAD = 9


def cannot_run():
    """Why valgrind cannot run `pbt`; "" when it can."""
    if VALGRIND is None:
        return "valgrind is not installed"
    with open(PBT, "rb") as file:
        content = file.read()
    if b"__asan_init" in content or b"__tsan_init" in content:
        return "pbt was built with a sanitizer"
    return ""


@unittest.skipIf(cannot_run(), cannot_run())
class Valgrind(unittest.TestCase):

    def under(self, study, *arguments, code=0, interrupt=None):
        """Run a command under valgrind; children run without."""
        report = study.folder / "valgrind"
        prefix = (VALGRIND, "--quiet", "--leak-check=full", "--trace-children=no",
                  "--track-fds=no", f"--error-exitcode={BAD}", f"--log-file={report}")
        process = study.start(*arguments, prefix=prefix)
        if interrupt:
            study.wait_reports(interrupt)
            process.send_signal(signal.SIGINT)
        answer = study.finish(process, 110)
        text = report.read_text(errors="replace") if report.exists() else ""
        self.assertEqual((answer.code, text), (code, ""), answer)
        return answer

    def test_rule_11_a_whole_study_without_leak_or_error(self):
        spec = {"steps": 80, "strategy": {"name": "pbt", "mode": "generational"}}
        study = Study(self, **spec)
        self.under(study, "run", study.spec_file, "--dir", study.dir)
        study.sound()
        plain = Study(self, **spec)
        plain.run()
        self.assertEqual(study.outcome(), plain.outcome())
        self.under(study, "resume", study.dir, "--steps", "120", "--quiet")
        for arguments in (("show",), ("best",), ("best", "--schedule"), ("log",),
                          ("log", "--json"), ("verify",)):
            self.under(study, arguments[0], study.dir, *arguments[1:])

    def test_rule_12_an_interrupted_study_without_leak_or_error(self):
        study = Study(self, fixed={"sleep": 0.05})
        self.under(study, "run", study.spec_file, "--dir", study.dir, code=130, interrupt=3)
        study.alone()
        self.under(study, "worker", study.dir, "--quiet", "--slots", "3")
        study.sound()

    def test_rule_15_failing_trainers_without_leak_or_error(self):
        """A trainer that never says hello: pauses, and a worker that leaves."""
        study = Study(self, trainer={"command": ["/bin/false"], "retries": 1}, population=2)
        self.under(study, "run", study.spec_file, "--dir", study.dir, "--quiet", code=4)
        study.alone()


if __name__ == "__main__":
    main()

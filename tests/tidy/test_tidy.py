#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/tidy/test_tidy.py - every rule of scripts/tidy finds a small tree that breaks it, at the
right line, and a tree that breaks none passes."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIDY = SOURCE / "scripts" / "tidy"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def source(name, body):
    """A C file that breaks no rule but those that `body` breaks. The body starts at line 3."""
    return f"{SPDX}/* {name} - for a test. */\n{body}"


class TidyTest(unittest.TestCase):
    """Each test makes a tree and compares what tidy says about it."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pbt-tidy-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(SOURCE / ".clang-format", self.root)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def write_c(self, path, body):
        self.write(path, source(path.rsplit("/", maxsplit=1)[-1], body))

    def tidy(self, *options):
        """Exit code and lines printed, without the closing count."""
        answer = subprocess.run([TIDY, "--root", self.root, *options], text=True, check=False,
                                capture_output=True)
        self.assertEqual(answer.stderr, "")
        lines = answer.stdout.splitlines()
        if lines:
            self.assertEqual(lines.pop(), f"tidy: {len(lines)} violations")
        self.assertEqual(answer.returncode, 1 if lines else 0)
        return lines

    def assert_found(self, place, *words):
        """tidy finds one thing only, at `place`, and says these words."""
        lines = self.tidy()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(place + ": "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])

    # -------- trees that break nothing --------

    def test_clean_tree(self):
        self.write_c("include/pbt/one.h", "int one(void);\n")
        self.write_c("src/base/two.c", '#include "base/two.h"\n\n#include <stdlib.h>\n')
        self.write_c("src/base/two.h", "int two(void);\n")
        self.write_c("src/core/three.c", '#include "base/two.h"\n#include "pbt/one.h"\n')
        self.write_c("src/cli/main.c", '#include "nn/four.h"\n#include "pbt_client.h"\n')
        self.write_c("tests/sim/main.c", '#include "base/two.h"\n')
        self.write_c("trainers/nn/four.h", '#include "pbt_client.h"\n')
        self.write_c("clients/c/pbt_client.h", "int client(void);\n")
        self.write_c("tests/core/test_three.c", '#include "base/two.h"\n')
        self.write("README.md", "# one\n")
        self.write("docs/README.md", "# two\n")
        self.assertEqual(self.tidy(), [])

    def test_this_tree(self):
        found = subprocess.run([TIDY], check=False, capture_output=True, text=True)
        self.assertEqual((found.returncode, found.stdout), (0, ""))

    # -------- rooms --------

    def test_includes_run_one_way(self):
        study = "base core spec journal study"
        worker = "base core propose spec journal study trainer worker"
        allowed = {
            "base": "base", "core": "base core", "propose": "base core propose",
            "spec": "base core propose spec", "journal": "base core journal", "study": study,
            "trainer": f"{study} trainer", "worker": worker, "view": f"{study} view",
            "web": f"{study} view web", "cli": f"{worker} view web cli",
        }
        rooms = list(allowed)
        for room in rooms:
            self.write_c(f"src/{room}/of_{room}.h", "int of(void);\n")
        for room in rooms:
            for other in rooms:
                self.write_c(f"src/{room}/user.c", f'#include "{other}/of_{other}.h"\n')
                found = self.tidy()
                self.assertEqual(len(found), 0 if other in allowed[room].split() else 1,
                                 (room, other, found))
                if found:
                    self.assertTrue(found[0].startswith(f"src/{room}/user.c:3: "), found)
            (self.root / f"src/{room}/user.c").unlink()

    def test_include_without_room(self):
        self.write_c("src/base/one.h", "int one(void);\n")
        self.write_c("src/base/two.c", '#include "one.h"\n')
        self.assert_found("src/base/two.c:3", "named with its room")

    def test_include_upwards(self):
        self.write_c("src/core/two.c", '#include "../journal/one.h"\n')
        self.assert_found("src/core/two.c:3", "upwards")

    def test_core_includes_iso_c_only(self):
        self.write_c("src/core/two.c", "#include <string.h>\n#include <unistd.h>\n")
        self.assert_found("src/core/two.c:4", "<unistd.h>", "core")

    def test_trainers_clients_examples_stay_outside(self):
        for path in ("trainers/nn/x.c", "clients/c/x.c", "examples/x.c"):
            self.write_c(path, '#include "base/two.h"\n')
            self.assert_found(f"{path}:3", "internal")
            (self.root / path).unlink()

    def test_public_headers_include_public_headers(self):
        self.write_c("include/pbt/one.h", '#include "base/two.h"\n')
        self.assert_found("include/pbt/one.h:3", "not public")

    # -------- calls --------

    def test_banned_call(self):
        self.write_c("tests/core/one.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n")
        self.assert_found("tests/core/one.c:5", "strcpy() is banned", "snprintf")

    def test_banned_call_in_library_only(self):
        body = "void f(void)\n{\n    exit(1);\n}\n"
        self.write_c("src/cli/one.c", body)
        self.assertEqual(self.tidy(), [])
        self.write_c("src/worker/two.c", body)
        self.assert_found("src/worker/two.c:5", "exit() is banned")

    def test_banned_call_outside_of_tests(self):
        body = "void f(void)\n{\n    system(0);\n}\n"
        self.write_c("tests/cli/one.c", body)
        self.assertEqual(self.tidy(), [])
        self.write_c("examples/two.c", body)
        self.assert_found("examples/two.c:5", "system() is banned")

    def test_names_that_only_look_like_calls(self):
        self.write_c("src/base/one.c", 'int f(struct s *a)\n{\n    /* rand() "sprintf(" */\n'
                     '    return a->rand(1) + a->b.exit(2) + my_strcpy("rand()");\n}\n')
        self.assertEqual(self.tidy(), [])

    def test_allowed_call(self):
        self.write_c("src/worker/one.c", "void f(void)\n{\n"
                     "    abort(); /* tidy: allow-call (the shim has no caller) */\n}\n")
        self.assertEqual(self.tidy(), [])
        self.write_c("src/worker/one.c", "void f(void)\n{\n"
                     "    abort(); /* tidy: allow-call () */\n}\n")
        self.assertEqual(self.tidy(), ["src/worker/one.c:5: abort() is banned; use assert, or a "
                                       "pbt_status"])

    # -------- lengths, words --------

    def long_function(self, comment, statements):
        self.write_c("src/base/one.c", f"{comment}void f(int a)\n{{\n"
                     + "    a++;\n" * statements + "}\n")

    def test_function_length(self):
        self.long_function("", 68)
        self.assertEqual(self.tidy(), [])
        self.long_function("", 69)
        self.assert_found("src/base/one.c:4", "71 lines")
        self.long_function("/* tidy: allow-long (a table) */\n", 69)
        self.assertEqual(self.tidy(), [])
        self.long_function("/* tidy: allow-long */\n", 69)
        self.assert_found("src/base/one.c:5", "71 lines")

    def test_columns(self):
        self.write_c("src/base/one.c", "/* " + "a" * 94 + " */\n")
        self.assertEqual(self.tidy(), [])
        self.write_c("src/base/one.c", "/* " + "a" * 95 + " */\n")
        self.assert_found("src/base/one.c:3", "101 columns")

    def test_unfinished(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.write("docs/one.md", f"fine\n\nthis: {word} later\n")
            self.assert_found("docs/one.md:3", word)
        self.write("docs/one.md", "mkdtemp takes a name that ends in XX" + "XXXX\n")
        self.assertEqual(self.tidy(), [])

    def test_blanks_and_ends(self):
        head = "# SPDX-License-Identifier: Apache-2.0\n"
        self.write("scripts/one", head + "a = 1 \n")
        self.assert_found("scripts/one:2", "blanks")
        self.write("scripts/one", head + "\ta = 1\n")
        self.assert_found("scripts/one:2", "tab")
        self.write("scripts/one", head + "a = 1")
        self.assert_found("scripts/one:2", "no end")

    # -------- headers of files, names, layout --------

    def test_licence(self):
        self.write("bench/one.py", "print(1)\n")
        self.assert_found("bench/one.py:1", "SPDX")
        (self.root / "bench/one.py").unlink()
        self.write("src/base/one.c", "/* one.c - x. SPDX-License-Identifier: Apache-2.0 */\n"
                   "/* one.c - x. */\n")
        self.assert_found("src/base/one.c:1", "line 1 must be")

    def test_header_comment(self):
        self.write("src/base/one.c", SPDX + "int one(void);\n")
        self.assert_found("src/base/one.c:2", "one.c - what it is for")

    def test_unique_names(self):
        self.write_c("src/base/one.h", "int one(void);\n")
        self.write_c("src/core/one.h", "int two(void);\n")
        self.assert_found("src/core/one.h:1", "taken by src/base/one.h")

    def test_layout(self):
        self.write_c("src/base/one.c", "\nint  one(void);\n")
        self.assert_found("src/base/one.c:4", "make format")
        self.assertEqual(self.tidy("--format"), [])
        self.assertEqual(self.tidy(), [])

    # -------- built objects --------

    def build(self, core, public):
        """A core object from the body `core` and a libpbt.so from `public`."""
        self.write_c("src/core/one.c", core)
        self.write_c("src/base/two.c", public)
        objects = self.root / "build/CMakeFiles/room_core.dir/src/core"
        objects.mkdir(parents=True, exist_ok=True)
        for arguments in (["-c", self.root / "src/core/one.c", "-o", objects / "one.c.o"],
                          ["-shared", self.root / "src/base/two.c",
                           "-o", self.root / "build/libpbt.so"]):
            subprocess.run(["cc", "-O0", "-fPIC", "-w", *arguments], check=True)

    def objects(self):
        return self.tidy("--objects", self.root / "build")

    def test_pure_core(self):
        self.write("tests/tidy/symbols.txt", "pbt_a\n")
        pure = ('void *memcpy(void *, const void *, unsigned long);\ndouble exp(double);\n'
                'void pbti_x(void *);\nvoid f(double *a, void *b)\n{\n'
                '    a[0] = exp(a[0]);\n    memcpy(a, b, 99);\n    pbti_x(a);\n}\n')
        self.build(pure, "int pbt_a(void)\n{\n    return 1;\n}\n")
        self.assertEqual(self.objects(), [])
        for name in ("malloc", "free", "printf", "time", "clock_gettime", "rand", "getenv",
                     "fopen", "qsort", "sprintf"):
            self.build(f"void {name}();\nvoid f(void)\n{{\n    {name}();\n}}\n",
                       "int pbt_a(void)\n{\n    return 1;\n}\n")
            found = self.objects()
            self.assertEqual(len(found), 1, (name, found))
            self.assertIn(f"src/core/one.c:1: its object file calls {name}()", found[0])

    def test_core_object_missing(self):
        self.write("tests/tidy/symbols.txt", "pbt_a\n")
        self.build("", "int pbt_a(void)\n{\n    return 1;\n}\n")
        self.write_c("src/core/later.c", "int later(void);\n")
        found = self.objects()
        self.assertEqual(len(found), 1, found)
        self.assertIn("build first", found[0])

    def test_library_missing(self):
        found = self.objects()
        self.assertEqual(len(found), 1, found)
        self.assertIn("build first", found[0])

    # -------- circles --------

    def compile(self, path, body):
        """A source of src/ and its object file."""
        self.write_c(path, body)
        room = path.split("/")[1]
        compiled = self.root / f"build/CMakeFiles/room_{room}.dir" / (path + ".o")
        compiled.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O0", "-w", "-c", self.root / path, "-o", compiled], check=True)

    def test_files_that_call_into_each_other(self):
        self.write("tests/tidy/symbols.txt", "pbt_a\n")
        self.build("", "int pbt_a;\n")
        self.compile("src/view/a.c", "void pbti_b(void);\nvoid pbti_a(void)\n{\n    pbti_b();\n}\n")
        self.compile("src/view/b.c", "void pbti_c(void);\nvoid pbti_b(void)\n{\n    pbti_c();\n}\n")
        self.compile("src/view/c.c", "void pbti_c(void)\n{\n}\n")
        self.assertEqual(self.objects(), [])
        circle = "void pbti_a(void);\nvoid pbti_c(void)\n{\n    pbti_a();\n}\n"
        self.compile("src/view/c.c", circle)
        found = self.objects()
        self.assertEqual(len(found), 1, found)
        self.assertIn("src/view/a.c, src/view/b.c, src/view/c.c", found[0])
        self.compile("src/view/c.c", "/* tidy: allow-circle (a recursive grammar) */\n" + circle)
        self.assertEqual(self.objects(), [])
        # no reason helps between rooms
        (self.root / "src/view/c.c").unlink()
        (self.root / "build/CMakeFiles/room_view.dir/src/view/c.c.o").unlink()
        self.compile("src/web/c.c", "/* tidy: allow-circle (a reason) */\n" + circle)
        self.assertEqual(len(self.objects()), 1)

    def test_exported_symbols(self):
        self.write("tests/tidy/symbols.txt", "pbt_a\npbt_gone\n")
        self.build("", "int pbt_a;\nint pbt_new;\nint other;\n")
        found = "\n".join(self.objects())
        self.assertIn("symbols.txt:1: libpbt.so exports pbt_new, which is not in the list", found)
        self.assertIn("symbols.txt:2: libpbt.so no longer exports pbt_gone", found)
        self.assertIn("exports other, which does not start with pbt_", found)
        self.build("", "int pbt_a;\nint pbt_new;\n")
        self.assertEqual(self.tidy("--objects", self.root / "build", "--update"), [])
        self.assertEqual(self.objects(), [])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_pictures_tool.py - examples/pictures.py: PNG files of every kind that it reads come out with
their colours, whatever their filters; files that it cannot read are named and left out.
"""

import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import zlib

SOURCE = pathlib.Path(os.environ.get("PBT_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
TOOL = SOURCE / "examples" / "pictures.py"


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, bits, kind, rows, extra=b"", interlaced=0):
    """rows: bytes of each, its filter first."""
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
            + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))


def filtered(kind, row, before, step):
    """A row under a filter, its number first."""
    out = bytearray([kind])
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        corner = before[i - step] if i >= step else 0
        up = before[i]
        guess = left + up - corner
        near = min((left, up, corner), key=lambda v: abs(guess - v))
        out.append(value - (0, left, up, (left + up) // 2, near)[kind] & 255)
    return bytes(out)


class Pictures(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def put(self, name, data, count=1):
        for i in range(count):
            path = self.root / "in" / f"{name}{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def run_tool(self, *words, code=0):
        command = ["/usr/bin/python3", TOOL, self.root / "in", self.root / "out", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def train(self, dimensions):
        data = (self.root / "out" / f"train-images-idx{dimensions}-ubyte").read_bytes()
        labels = (self.root / "out" / "train-labels-idx1-ubyte").read_bytes()[8:]
        return data[4 * (1 + dimensions):], labels

    def test_all_kinds_keep_their_colours(self):
        red = bytes((200, 30, 10) * 8)
        before = bytes(24)
        rows = []
        for y in range(8):    # every filter
            rows.append(filtered(y % 5, red, before, 3))
            before = red
        self.put("a/rgb", png(8, 8, 8, 2, rows))
        palette = chunk(b"PLTE", bytes((1, 2, 3, 200, 30, 10)))
        self.put("b/palette", png(8, 8, 1, 3, [b"\0\xff"] * 8, palette))
        clear = [b"\0" + bytes((9, 9, 9, 0) * 8)] * 8
        self.put("c/clear", png(8, 8, 8, 6, clear))
        self.put("d/grey", png(8, 8, 4, 0, [b"\0" + b"\x55" * 4] * 8))
        self.run_tool("--side", "8", "--test", "0")
        pictures, labels = self.train(4)
        colours = {label: pictures[192 * i:192 * (i + 1)] for i, label in enumerate(labels)}
        self.assertEqual(colours[0], bytes((200, 30, 10) * 64))
        self.assertEqual(colours[1], bytes((200, 30, 10) * 64))
        self.assertEqual(colours[2], bytes((255,) * 192))
        self.assertEqual(colours[3], bytes((85,) * 192))

    def test_the_middle_is_shrunk_by_averages(self):
        row = b"\0" + bytes((0, 0) + (0, 100) * 8 + (0, 0))    # 20 wide, 16 high: 16 in the middle
        self.put("a/wide", png(20, 16, 8, 0, [row] * 16))
        self.put("b/same", png(20, 16, 8, 0, [row] * 16))
        self.run_tool("--side", "8", "--grey", "--test", "0")
        pictures, _ = self.train(3)
        self.assertEqual(pictures, bytes((50,) * 128))

    def test_bad_files_are_named_and_left_out(self):
        good = png(8, 8, 8, 0, [b"\0" + bytes(8)] * 8)
        self.put("a/x", good, count=20)
        self.put("b/x", good, count=20)
        self.put("b/cut", good[:40])
        self.put("b/text", b"hello")
        self.put("b/woven", png(8, 8, 8, 0, [b"\0" + bytes(8)] * 8, interlaced=1))
        self.put("b/deep", png(8, 8, 16, 0, [b"\0" + bytes(16)] * 8))
        self.put("b/short", png(8, 8, 8, 0, [b"\0" + bytes(8)] * 3))
        self.put("b/odd", png(8, 8, 8, 0, [b"\x09" + bytes(8)] * 8))
        done = self.run_tool("--side", "8", "--grey")
        for name in ("cut", "text", "woven", "deep", "short", "odd"):
            self.assertIn(f"{name}0.png: left out", done.stderr)
        self.assertEqual(done.stdout, "36 pictures that train, 4 for testing, 2 classes\n")
        self.assertEqual((self.root / "out" / "classes.txt").read_text(), "a\nb\n")
        self.assertTrue((self.root / "out" / "t10k-images-idx3-ubyte").exists())

    def test_wrong_usage_is_named(self):
        self.put("a/x", b"")
        self.assertIn("1 sub-folders", self.run_tool("--side", "8", code=2).stderr)
        self.assertIn("--side is 30", self.run_tool("--side", "30", code=2).stderr)


if __name__ == "__main__":
    unittest.main()

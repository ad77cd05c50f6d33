# SPDX-License-Identifier: Apache-2.0
"""test_third_party.py - what others wrote is here unchanged: files have their recorded hashes."""
import glob
import hashlib
import os
import re
import unittest

FOLDER = os.path.join(os.environ["PBT_SOURCE_DIR"], "third_party")


class ThirdParty(unittest.TestCase):
    def test_files_have_their_recorded_hashes(self):
        readmes = glob.glob(os.path.join(FOLDER, "*", "README.md"))
        self.assertGreater(len(readmes), 0)
        for readme in readmes:
            with open(readme, encoding="utf-8") as file:
                lines = re.findall(r"^    ([0-9a-f]{64})  (\S+)$", file.read(), re.MULTILINE)
            found = {}
            folder = os.path.dirname(readme)
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), "rb") as file:
                    found[hashlib.sha256(file.read()).hexdigest()] = name
            found = {digest: name for digest, name in found.items() if name != "README.md"}
            self.assertEqual(dict(lines), found, folder)


if __name__ == "__main__":
    unittest.main()

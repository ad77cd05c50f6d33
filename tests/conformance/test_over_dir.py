#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_over_dir.py - rules 11 and 12 over a journal in a shared folder: the tests of same studies,
two workers, kills and storage, unchanged, with `pbt run --journal dir`.
"""

import os

os.environ["PBT_TEST_JOURNAL"] = "--journal dir"  # before real_study is imported

# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import
from test_kills import *  # noqa: E402,F401,F403
from test_same_study import *  # noqa: E402,F401,F403
from test_storage import *  # noqa: E402,F401,F403
from test_two_workers import *  # noqa: E402,F401,F403
from real_study import main  # noqa: E402

if __name__ == "__main__":
    main()

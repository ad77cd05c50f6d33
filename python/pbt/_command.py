# SPDX-License-Identifier: Apache-2.0
"""Where the `pbt` command is: that of the environment of this Python, activated or not."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Iterator


class CommandNotFound(FileNotFoundError):
    """There is no `pbt` command in any of the places that were looked at."""


def _candidates() -> Iterator[Path]:
    """Folders that may hold the command, the most specific first."""
    package = Path(__file__).resolve().parent
    yield package.parent / "bin"  # pip install --target
    if package.parts[-4:-1] == ("share", "pbt", "clients"):
        yield package.parents[3] / "bin"  # an installation by `make install`
    yield Path(sys.executable).parent  # not resolved: the python of a venv is a link
    yield Path(sysconfig.get_path("scripts"))
    user = sysconfig.get_preferred_scheme("user")
    yield Path(sysconfig.get_path("scripts", user))


def command() -> str:
    """The path of the command.

    Looked for in this order: the variable PBT_BIN (a path), beside this package (`pip install
    --target`, `make install`), beside the running Python, in the folders of scripts of this Python
    and of its user, in PATH. Raises CommandNotFound, which names them all.
    """
    given = os.environ.get("PBT_BIN")
    if given:
        if os.access(given, os.X_OK):
            return given
        raise CommandNotFound(f'PBT_BIN is "{given}", which is not a program')
    looked = []
    for folder in _candidates():
        path = folder / "pbt"
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
        looked.append(str(folder))
    found = shutil.which("pbt")
    if found is not None:
        return found
    raise CommandNotFound('the command "pbt" was not found in PATH nor in '
                          + ", ".join(dict.fromkeys(looked))
                          + ": install it (pip install pbtrain) or set PBT_BIN to its path")

# SPDX-License-Identifier: Apache-2.0
"""`python -m pbt ...` runs the command `pbt ...` of this environment."""

import os
import sys

from pbt._command import CommandNotFound, command


def main() -> None:
    try:
        program = command()
    except CommandNotFound as error:
        print(f"pbt: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()

"""The ``treec`` command. Imports nothing heavy before it is clear what is asked."""

from __future__ import annotations

import contextlib
import io
import sys

from treec.tools.cli.compile_command import treec


def main() -> None:
    """The console script: parse ``sys.argv``, run, exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")  # a terminal that can't show ≤ is no reason to stop
    treec.main(prog_name="treec")


if __name__ == "__main__":
    main()

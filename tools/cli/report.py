"""What a command says: lines for people, or facts for one JSON object."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from treec.errors import UsageError

LABEL_WIDTH = 10


class OutputClosed(Exception):
    """Nobody reads what is printed; not an `OSError`, which click handles in its own way."""


class Report:
    """Collects facts, and prints lines as they come unless ``json`` or ``quiet``.

    ``facts``: plain JSON values; printed as one object at the end of a run with ``--json``, errors included.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.quiet = False
        self.command = "compile"
        self.facts: dict[str, Any] = {}
        self.started = time.perf_counter()

    @property
    def silent(self) -> bool:
        return self.json or self.quiet

    @property
    def elapsed(self) -> float:
        """Seconds since the command started."""
        return time.perf_counter() - self.started

    def line(self, label: str, text: str) -> None:
        """A labelled line; further lines of ``text`` stand below its first."""
        if self.silent:
            return
        first, *rest = text.splitlines() or [""]
        say(f"{label:<{LABEL_WIDTH}}  {printable(first)}".rstrip())
        for more in rest:
            say(f"{'':<{LABEL_WIDTH}}  {printable(more)}".rstrip())

    def finish(self, exit_code: int) -> None:
        """With ``--json``, print the object."""
        if self.json:
            whole = {"ok": exit_code == 0, "command": self.command, "exit_code": exit_code, **self.facts}
            say(json.dumps(whole, ensure_ascii=False, default=str))


def say(text: str, *, newline: bool = True) -> None:
    """Print on standard output; raises `UsageError` if that is full, `OutputClosed` if its reader is gone."""
    try:
        click.echo(text, nl=newline)
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror or error}", place="standard output", fix="free some space there"
        ) from None


def printable(text: str) -> str:
    """Names in model files may hold anything; a terminal gets no control characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

"""From directives to text."""

from __future__ import annotations

from collections.abc import Iterable

from treec.schedule.base import Directive


def print_directives(directives: Iterable[Directive]) -> str:
    """The canonical text: one directive a line, every argument written out, LF at each end; kernel blocks are indented.

    Defaults are written too, so that a printed schedule means the same should a default ever change. Comments are gone.
    """
    return "".join(f"{directive.canonical()}\n" for directive in directives)

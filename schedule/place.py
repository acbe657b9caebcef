"""Where a directive stands in a schedule file."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SourcePlace:
    """A place in a schedule file; ``line`` and ``column`` count from 1, columns in characters.

    ``text`` is the directive as written, without its comment. ``columns`` says where each argument's values begin, so that
    an error found later can still point at the very word: pairs of an argument's name and one column per value; the name
    with a ``=`` at its end has the column of the name itself.
    """

    file: str
    line: int
    column: int
    text: str
    columns: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def at(self, argument: str, item: int = 0) -> SourcePlace:
        """The place of an argument's ``item``-th value; the directive's own place where that is not known."""
        found = dict(self.columns).get(argument, ())
        return replace(self, column=found[item]) if item < len(found) else self

    @property
    def shown(self) -> str:
        """The text for an error message: printable and of a bearable length."""
        text = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in self.text)
        return text if len(text) <= 120 else f"{text[:119]}…"

    def end(self) -> SourcePlace:
        """The place just behind the directive."""
        return replace(self, column=self.column + len(self.text))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

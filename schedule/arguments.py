"""What an argument of a directive may be.

A directive's dataclass fields carry an `Argument` each; parser, printer, JSON form, builder and reference all work from
these descriptions and know no directive by name.
"""

from __future__ import annotations

import dataclasses
import difflib
import keyword
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

Value = int | float | str | tuple[str, ...]
"""What an argument holds: plain data that a pass takes as it is."""

LOOP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

LARGEST = 2**31 - 1
"""The largest number an argument may be: trip counts and sizes are 32-bit in the generated code."""


class BadValue(Exception):
    """A value that an argument does not allow; ``item`` is its index where the value is a list."""

    def __init__(self, reason: str, fix: str | None = None, item: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.item = item


class Kind(Protocol):
    """The set of values of an argument. ``is_list``: a positional argument takes all values up to the next name."""

    @property
    def is_list(self) -> bool: ...

    def placeholder(self) -> str:
        """How the value is shown in a usage line."""
        ...

    def allowed(self) -> str:
        """The values in words."""
        ...

    def convert(self, value: object) -> Value:
        """The value in its canonical form; raises `BadValue`."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]
    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return "|".join(self.values)

    def allowed(self) -> str:
        return one_of(self.values)

    def convert(self, value: object) -> Value:
        if isinstance(value, str) and value in self.values:
            return value
        raise BadValue(f"must be {self.allowed()}, not {quoted(value)}", suggest(value, self.values))


@dataclass(frozen=True)
class Choices:
    """Some of a few words, none twice."""

    values: tuple[str, ...]
    is_list: bool = dataclasses.field(default=True, init=False)

    def placeholder(self) -> str:
        return f"({self.values[0]}, …)"

    def allowed(self) -> str:
        return f"some of {', '.join(self.values)}, in parentheses"

    def convert(self, value: object) -> Value:
        if not isinstance(value, (tuple, list)):
            raise BadValue(f"must be {self.allowed()}, not {quoted(value)}")
        items = tuple(str(item) for item in cast("Sequence[object]", value))
        for i, item in enumerate(items):
            if item not in self.values:
                raise BadValue(f"must be {self.allowed()}, not {quoted(item)}", suggest(item, self.values), i)
            if item in items[:i]:
                raise BadValue(f"{quoted(item)} is there twice", "name it once", i)
        return items


@dataclass(frozen=True)
class Number:
    """A whole number from ``minimum`` on, or one of ``values``."""

    name: str = "N"
    minimum: int = 1
    values: tuple[int, ...] = ()
    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return "|".join(map(str, self.values)) or self.name

    def allowed(self) -> str:
        return one_of(map(str, self.values)) if self.values else f"a whole number from {self.minimum} to {LARGEST}"

    def convert(self, value: object) -> Value:
        number = _whole(value)
        if number is not None and (number in self.values if self.values else self.minimum <= number <= LARGEST):
            return number
        raise BadValue(f"must be {self.allowed()}, not {quoted(value)}")


@dataclass(frozen=True)
class NumberOrWord:
    """A whole number from ``minimum`` on, or a word."""

    word: str
    name: str = "N"
    minimum: int = 1
    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return f"{self.name}|{self.word}"

    def allowed(self) -> str:
        return f"{Number(minimum=self.minimum).allowed()}, or {self.word}"

    def convert(self, value: object) -> Value:
        number = _whole(value)
        if value == self.word:
            return self.word
        if number is not None and self.minimum <= number <= LARGEST:
            return number
        raise BadValue(f"must be {self.allowed()}, not {quoted(value)}")


@dataclass(frozen=True)
class Share:
    """A number from 0 to 1, kept as the shortest text that gives it."""

    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return "P"

    def allowed(self) -> str:
        return "a number from 0 to 1"

    def convert(self, value: object) -> Value:
        try:
            number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else -1.0
        except ValueError:
            number = -1.0
        if 0 <= number <= 1:
            return repr(number + 0.0)  # no -0.0
        raise BadValue(f"must be {self.allowed()}, not {quoted(value)}", "write digits with a point, e.g. 0.2")


@dataclass(frozen=True)
class Neighbours:
    """``AXIS:N``, N neighbours along an axis, or ``none``."""

    axes: tuple[str, ...] = ("row", "tree")
    largest: int = 64
    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return "|".join(f"{axis}:N" for axis in self.axes)

    def allowed(self) -> str:
        return one_of([*(f"{axis}:N" for axis in self.axes), "none"]) + f", with N from 1 to {self.largest}"

    def convert(self, value: object) -> Value:
        if value == "none":
            return "none"
        axis, _, count = value.partition(":") if isinstance(value, str) else ("", "", "")
        if axis in self.axes and count.isdecimal() and 1 <= int(count) <= self.largest:
            return f"{axis}:{int(count)}"
        raise BadValue(f"must be {self.allowed()}, not {quoted(value)}")


@dataclass(frozen=True)
class LoopName:
    """The name of one loop."""

    name: str = "LOOP"
    is_list: bool = dataclasses.field(default=False, init=False)

    def placeholder(self) -> str:
        return self.name

    def allowed(self) -> str:
        return "a loop name"

    def convert(self, value: object) -> Value:
        return _loop_name(value, 0)


@dataclass(frozen=True)
class LoopNames:
    """Names of loops: as many as ``names``, or one or more where that is empty."""

    names: tuple[str, ...] = ()
    is_list: bool = dataclasses.field(default=True, init=False)

    def placeholder(self) -> str:
        return f"({', '.join(self.names)})" if self.names else "LOOP, LOOP, …"

    def allowed(self) -> str:
        return f"{len(self.names)} loop names in parentheses" if self.names else "one or more loop names"

    def convert(self, value: object) -> Value:
        if not isinstance(value, (tuple, list)):
            raise BadValue(f"must be {self.allowed()}, not {quoted(value)}")
        items = cast("Sequence[object]", value)
        if not items or (self.names and len(items) != len(self.names)):
            raise BadValue(f"must be {self.allowed()}, not {len(items)}")
        return tuple(_loop_name(item, i) for i, item in enumerate(items))


@dataclass(frozen=True)
class Argument:
    """The description of one argument.

    ``field`` names the dataclass field and the pass's option; ``spelled`` is the name in text and JSON, which may be a word
    that Python keeps to itself (``with``). ``default`` is ``dataclasses.MISSING`` where a value is required. ``quiet``:
    left out of canonical text where it has its default, so that a new word of the language changes no older digest.
    """

    field: str
    spelled: str
    kind: Kind
    about: str
    positional: bool
    default: object
    quiet: bool = False

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def python_name(self) -> str:
        """The name as a Python keyword argument: ``with_`` for ``with``."""
        return f"{self.spelled}_" if keyword.iskeyword(self.spelled) else self.spelled

    def usage(self) -> str:
        shown = self.kind.placeholder()
        text = shown if self.positional else f"{self.spelled}={shown}"
        return text if self.required else f"[{text}]"

    def show(self, value: Value) -> str:
        """The argument as it stands in canonical text."""
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        if self.positional:
            return text
        return f"{self.spelled}=({text})" if isinstance(value, tuple) else f"{self.spelled}={text}"


def argument(
    kind: Kind,
    about: str,
    *,
    default: Any = dataclasses.MISSING,
    positional: bool = False,
    spelled: str | None = None,
    quiet: bool = False,
) -> Any:
    """A dataclass field with its `Argument`; ``spelled`` defaults to the field's name."""
    described = Argument("", spelled or "", kind, about, positional, default, quiet)
    return dataclasses.field(default=default, metadata={"argument": described})


def arguments_of(directive: type[Any]) -> tuple[Argument, ...]:
    """The arguments of a directive class, in the order of the text."""
    found: list[Argument] = []
    for f in dataclasses.fields(directive):
        described = f.metadata.get("argument")
        if isinstance(described, Argument):
            spelled = described.spelled or f.name
            found.append(dataclasses.replace(described, field=f.name, spelled=spelled))
    return tuple(sorted(found, key=lambda a: not a.positional))


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, if one is like it at all."""
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(word).lower(), spelled, n=1)
    return spelled[close[0]] if close else None


def suggest(word: object, known: Iterable[str]) -> str | None:
    """``did you mean …?``, or nothing."""
    close = nearest(word, known)
    return f"did you mean `{close}`?" if close else None


def one_of(words: Iterable[str]) -> str:
    words = tuple(words)
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def quoted(value: object) -> str:
    """A user's value for an error text, in the spelling of a schedule, shortened."""
    if isinstance(value, (tuple, list)):
        text = f"({', '.join(map(str, cast('Sequence[object]', value)))})"
    else:
        text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(cast("Any", value))
    except TypeError:
        return None


def _loop_name(value: object, item: int) -> str:
    if isinstance(value, str) and LOOP_NAME.fullmatch(value):
        return value
    fix = "a loop name has letters, digits and underscores, and starts with no digit"
    raise BadValue(f"must be a loop name, not {quoted(value)}", fix, item)

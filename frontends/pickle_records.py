"""What a pickle says, as inert data: names that stay names, and calls that were never made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from treec.errors import ModelError

TRUST_FIX = "if you trust whoever made the file, pass trust=True (--trust), which runs the pickle"


class _Unset:
    """The state of a record that was given none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()


@dataclass(frozen=True, slots=True)
class Name:
    """A global that a pickle refers to. Nothing was imported."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


@dataclass(eq=False, slots=True)
class Recorded:
    """An object a pickle would have made by calling ``name`` with ``args`` and ``kwargs``. Nothing was called.

    ``state`` is what would have gone to ``__setstate__`` (`UNSET` if nothing), ``items`` what would have been appended
    and ``pairs`` what would have been set by key. Only its own ``name`` shows in its text: a hostile tree can be
    infinite.
    """

    name: Name
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None
    state: Any = UNSET
    items: list[Any] | None = None
    pairs: list[tuple[Any, Any]] | None = None

    @property
    def module(self) -> str:
        return self.name.module

    @property
    def qualname(self) -> str:
        return self.name.qualname

    def __repr__(self) -> str:
        return f"<recorded {self.name}>"


def attributes(record: Recorded, *, place: str) -> dict[str, Any]:
    """The attributes that the record's state would have set: a dict, or a pair of dicts (with slots)."""
    state = record.state
    parts: tuple[Any, ...] = cast("tuple[Any, ...]", state) if type(state) is tuple else (state,)
    found: dict[str, Any] = {}
    for part in parts:
        if part is None or part is UNSET:
            continue
        if not isinstance(part, dict) or not all(type(key) is str for key in cast("dict[Any, Any]", part)):
            raise ModelError(f"the state of {record.name} is {describe(part)}, not attributes", place=place)
        found.update(cast("dict[str, Any]", part))
    return found


def describe(value: object) -> str:
    """A short text about a value from a pickle, whatever it is."""
    if isinstance(value, Name):
        return f"the name {value}"
    if isinstance(value, Recorded):
        return f"an object of {value.name}"
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return f"an array of {array.dtype} with shape {array.shape}"
    if isinstance(value, bool | int | float | str | None) and len(text := repr(value)) <= 60:
        return text
    return f"a {type(value).__name__}"


def as_bytes(value: object) -> object:
    """Long byte strings are views of the file (see `treec.frontends.pickles`); a copy where a consumer needs bytes."""
    return bytes(value) if isinstance(value, memoryview) else value

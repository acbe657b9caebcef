"""What a pickle says, as inert data: names that stay names, and calls that were never made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import numpy as np
from numpy.typing import NDArray

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
    parts: tuple[Any, ...] = state if is_tuple(state) else (state,)
    found: dict[str, Any] = {}
    for part in parts:
        if part is None or part is UNSET:
            continue
        if not is_attributes(part):
            raise ModelError(f"the state of {record.name} is {describe(part)}, not attributes", place=place)
        found.update(part)
    return found


def describe(value: object) -> str:
    """A short text about a value from a pickle, whatever it is."""
    if isinstance(value, Name):
        return f"the name {value}"
    if isinstance(value, Recorded):
        return f"an object of {value.name}"
    if is_array(value):
        return f"an array of {value.dtype} with shape {value.shape}"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, bool | int | float | str | None) and len(text := repr(value)) <= 60:
        return text
    return f"a {type(value).__name__}"


def as_bytes(value: object) -> object:
    """Long byte strings are views of the file (see `treec.frontends.pickles`); a copy where a consumer needs bytes."""
    return value.tobytes() if is_view(value) else value


# What a value from a pickle is. `type(…) is` where a subclass could bring methods of its own.


def is_array(value: object) -> TypeGuard[NDArray[Any]]:
    return isinstance(value, np.ndarray)


def is_view(value: object) -> TypeGuard[memoryview[int]]:
    return isinstance(value, memoryview)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return type(value) is list


def is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return type(value) is tuple


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def is_attributes(value: object) -> TypeGuard[dict[str, Any]]:
    return is_dict(value) and all(type(key) is str for key in value)


def is_integer(value: object) -> TypeGuard[int]:
    """An int or a numpy integer."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_dtype(value: object) -> TypeGuard[np.dtype[Any]]:
    return isinstance(value, np.dtype)

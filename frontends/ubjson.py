"""UBJSON bytes → Python objects, strictly. What XGBoost writes since 1.6 (``.ubj``), and the rest of the draft-12 format.

Numbers are big-endian. A typed array (``[$d#L…``) becomes a numpy array in native byte order, anything else plain objects.
XGBoost writes keys without the string marker and with int64 lengths; both are the format's own rules.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from treec.errors import ModelError

MAX_DEPTH = 64
"""Nesting that is still read; an XGBoost model has 7 levels."""

_NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
_SCALARS = {ord(marker): struct.Struct(">" + code) for marker, code in _NUMBERS.items()}
_ARRAYS = {ord(marker): np.dtype(">" + code) for marker, code in _NUMBERS.items()}
_INTEGERS = frozenset(b"iUIlL")
_CONSTANTS: dict[int, bool | None] = {ord("Z"): None, ord("T"): True, ord("F"): False}


def loads(data: bytes, *, place: str = "UBJSON") -> Any:
    """The one value that ``data`` holds.

    Raises `ModelError` with ``place`` and the byte offset: truncated or trailing bytes, an unknown marker, a count beyond
    the data, bad UTF-8, a repeated key, or nesting beyond `MAX_DEPTH`.
    """
    reader = _Reader(data, place)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise reader.error(f"{len(data) - reader.at} bytes after the end of the value")
    return value


class _Reader:
    def __init__(self, data: bytes, place: str) -> None:
        self.data = data
        self.place = place
        self.at = 0

    def error(self, what: str) -> ModelError:
        return ModelError(
            f"not a sound UBJSON file: {what}", place=f"{self.place}: byte {self.at}", fix="save or copy the model again"
        )

    def take(self, count: int) -> int:
        """Step over ``count`` bytes and return where they begin."""
        begin = self.at
        if count > len(self.data) - begin:
            raise self.error(f"it ends where {count} more bytes are needed")
        self.at = begin + count
        return begin

    def marker(self) -> int:
        return self.data[self.take(1)]

    def number(self, marker: int) -> int | float:
        scalar = _SCALARS[marker]
        return scalar.unpack_from(self.data, self.take(scalar.size))[0]

    def length(self) -> int:
        marker = self.marker()
        if marker not in _INTEGERS:
            raise self.error(f"a length has the marker {chr(marker)!r}")
        length = int(self.number(marker))
        if length < 0:
            raise self.error("a length is negative")
        return length

    def text(self) -> str:
        length = self.length()
        begin = self.take(length)
        try:
            return self.data[begin : self.at].decode()
        except UnicodeDecodeError:
            raise self.error("a text is not UTF-8") from None

    def value(self, marker: int, depth: int) -> Any:
        if marker in _SCALARS:
            return self.number(marker)
        if marker == ord("S"):
            return self.text()
        if marker in (ord("{"), ord("[")):
            if depth >= MAX_DEPTH:
                raise self.error(f"it nests deeper than {MAX_DEPTH} levels")
            return self.object(depth + 1) if marker == ord("{") else self.array(depth + 1)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == ord("C"):
            return chr(self.marker())
        raise self.error(f"unknown marker {chr(marker)!r}")

    def header(self) -> tuple[int | None, int | None]:
        """The optional type and count that follow an opening bracket."""
        kind = count = None
        if self.data[self.at : self.at + 1] == b"$":
            self.take(1)
            kind = self.marker()
            if self.data[self.at : self.at + 1] != b"#":
                raise self.error("a typed container has no count")
        if self.data[self.at : self.at + 1] == b"#":
            self.take(1)
            count = self.length()
            if count > len(self.data) - self.at:  # every element takes a byte at least
                raise self.error(f"a container claims {count} elements")
        return kind, count

    def array(self, depth: int) -> Any:
        kind, count = self.header()
        if kind is not None and count is not None:
            return self.typed_array(kind, count)
        if count is not None:
            return [self.value(self.marker(), depth) for _ in range(count)]
        items: list[Any] = []
        while (marker := self.marker()) != ord("]"):
            items.append(self.value(marker, depth))
        return items

    def typed_array(self, kind: int, count: int) -> Any:
        if kind not in _ARRAYS:
            raise self.error(f"an array of type {chr(kind)!r}")
        dtype = _ARRAYS[kind]
        begin = self.take(count * dtype.itemsize)
        return np.frombuffer(self.data, dtype, count, begin).astype(dtype.newbyteorder("="))

    def object(self, depth: int) -> dict[str, Any]:
        kind, count = self.header()
        if kind is not None:
            raise self.error("a typed object")
        items: dict[str, Any] = {}
        while len(items) != count:
            if count is None and self.data[self.at : self.at + 1] == b"}":
                self.take(1)
                break
            key = self.text()
            if key in items:
                raise self.error(f"the key {key!r} is there twice")
            items[key] = self.value(self.marker(), depth)
        return items

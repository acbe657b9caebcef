"""IR text for reading: arrays as dtype, shape and range, long attribute lists over several lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.treeir.blob import Blob

BLOB = re.compile(r'(?:#forest\.blob)?<"([^"]*)", \[([0-9, ]*)\], (?:@"([0-9a-f]+)"|"0x([0-9a-f]*)")>')
LONG = 96
_FIELD_NAMES = {"f": "f", "i": "i", "u": "u", "b": "bool"}


def readable(text: str, blobs: Mapping[str, Blob]) -> list[str]:
    """Lines of the text with every array shortened; lines longer than `LONG` are broken at the commas of their braces."""
    lines: list[str] = []
    for line in text.splitlines():
        lines += broken(BLOB.sub(lambda match: _shown(match, blobs), line))
    return lines


def _shown(match: re.Match[str], blobs: Mapping[str, Blob]) -> str:
    dtype_text, shape_text, digest, data = match.groups()
    shape = tuple(int(part) for part in shape_text.split(",") if part.strip())
    if digest is None:
        return f"⟨{summary(_inline(dtype_text, shape, data))}⟩"
    blob = blobs.get(digest)
    about = f"{dtype_text}[{shape_text}]" if blob is None else _summary_of(blob)
    return f"⟨{about} @{digest[:6]}⟩"


def _inline(dtype_text: str, shape: tuple[int, ...], data: str) -> NDArray[Any]:
    return np.frombuffer(bytes.fromhex(data), _dtype(dtype_text)).reshape(shape)


def _dtype(text: str) -> np.dtype[Any]:
    if ":" not in text:
        return np.dtype(text)
    *fields, size = text.split(";")
    names, offsets, formats = zip(*(field.split(":") for field in fields), strict=True)
    return np.dtype({"names": names, "offsets": [int(o) for o in offsets], "formats": formats, "itemsize": int(size)})


@cache
def _summary_of(blob: Blob) -> str:
    return summary(blob.array)


def summary(array: NDArray[Any]) -> str:
    """``f32[25144] -1.5..3.2``; of records each field."""
    shape = "x".join(map(str, array.shape)) or "scalar"
    if array.dtype.fields is not None:
        fields = [f"{name} {_kind(array.dtype[name])} {_range(array[name])}" for name in array.dtype.names or ()]
        return f"{array.dtype.itemsize}-byte records[{shape}]: {', '.join(fields)}"
    return f"{_kind(array.dtype)}[{shape}] {_range(array)}".rstrip()


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "b":
        return "bool"
    return f"{_FIELD_NAMES.get(dtype.kind, dtype.kind)}{8 * dtype.itemsize}"


def _range(array: NDArray[Any]) -> str:
    if array.size == 0:
        return "empty"
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} true"
    numbers = array[~np.isnan(array)] if array.dtype.kind == "f" else array
    if numbers.size == 0:
        return "all NaN"
    low, high = numbers.min(), numbers.max()
    text = _number(low) if low == high else f"{_number(low)}..{_number(high)}"
    return text if numbers.size == array.size else f"{text} and NaN"


def _number(value: Any) -> str:
    return f"{float(value):.5g}" if np.asarray(value).dtype.kind == "f" else str(int(value))


def broken(line: str) -> list[str]:
    """A long line with ``{a = …, b = …}`` as a line per entry."""
    start = line.find("{") if len(line) > LONG else -1
    if start < 0 or line.count("{", 0, start + 1) != 1:
        return [line]
    parts, end = split_entries(line, start)
    if len(parts) < 2:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    return [
        line[: start + 1],
        *(f"{margin}  {part}," for part in parts[:-1]),
        f"{margin}  {parts[-1]}",
        f"{margin}{line[end:]}",
    ]


def split_entries(line: str, start: int) -> tuple[list[str], int]:
    """Entries of the brace at ``start``, split at its own commas, and where it closes; none if it does not close here."""
    depth, begin, parts, quoted = 0, start + 1, list[str](), False
    for at in range(start, len(line)):
        character = line[at]
        if character == '"':
            quoted = not quoted
        if quoted:
            continue
        if character in "{[(<⟨":
            depth += 1
        elif character in "}])>⟩" and not (character == ">" and line[at - 1] == "-"):
            depth -= 1
            if depth == 0:
                return [*parts, line[begin:at].strip()], at
        elif character == "," and depth == 1:
            parts.append(line[begin:at].strip())
            begin = at + 1
    return [], start

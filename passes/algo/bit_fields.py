"""Numbers side by side in the bits of a word: as few as they need, or as many as are asked for. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ScheduleError


@dataclass(frozen=True)
class BitField:
    """``base + ((word >> shift) & ((1 << width) - 1))``; a constant if ``width`` is 0."""

    width: int
    shift: int
    base: int


@dataclass(frozen=True)
class Widths:
    """Bits of two fields, 0 for as few as the model needs: of the ``feature``, and of the distance to a ``child``."""

    feature: int = 0
    child: int = 0

    def of(self, field: str) -> tuple[str, int]:
        """The argument that is about a field, and its bits."""
        if field in ("step", "delta", "right", "child"):
            return "child", self.child
        return field, self.feature if field == "feature" else 0


def place_fields(columns: Mapping[str, NDArray[Any]], widths: Widths) -> tuple[dict[str, BitField], int]:
    """Where each column of integers lies, in their order, and the bits of all.

    A field of no given width takes the bits of (largest - smallest), from the bit behind the field before; one of a given
    width starts at a byte and holds the number itself. Raises `ScheduleError` if it does not fit.
    """
    fields: dict[str, BitField] = {}
    shift = 0
    for name, column in columns.items():
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        argument, width = widths.of(name)
        if width:
            _expect_fit(argument, width, high)
            shift, low = -(-shift // 8) * 8, 0
        else:
            width = (high - low).bit_length()
        fields[name] = BitField(width, shift, low)
        shift += width
    return fields, shift


def _expect_fit(argument: str, width: int, high: int) -> None:
    most = (1 << width) - 1
    if high > most:
        wider = next((f"{argument}=u{bits}, or " for bits in (16, 32) if high < 1 << bits), "")
        raise ScheduleError(
            f"`{argument}=u{width}` holds numbers up to {most:,}, and the model needs {high:,}: {high - most:,} too many",
            fix=f"write {wider}{argument}=auto",
        )


def words_of(columns: Mapping[str, NDArray[Any]], fields: Mapping[str, BitField], n: int) -> NDArray[np.uint64]:
    """The words of ``n`` records."""
    word = np.zeros(n, np.uint64)
    for name, field in fields.items():
        bits = (columns[name].astype(np.int64) - field.base).astype(np.uint64)
        word |= bits << np.uint64(min(63, field.shift))
    return word

"""Addresses of arrays, and memory that compiled code works in."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
KEPT_BYTES = 1 << 20
"""A thread keeps a workspace of up to so many bytes for its next call: new memory has to be mapped and cleared by the
system, page by page, which takes longer than the code that works in it."""


def _asked_address(array: NDArray[Any]) -> int:
    return array.ctypes.data


def _read_address(array: NDArray[Any]) -> int:
    """The same in a sixth of the time: numpy promises extensions that the data pointer is the first field of an array."""
    return ctypes.c_void_p.from_address(id(array) + object.__basicsize__).value or 0


def _can_read() -> bool:
    """Whether objects are what CPython makes of them."""
    if sys.implementation.name != "cpython" or np.ndarray.__basicsize__ < object.__basicsize__ + 8:
        return False
    probe = np.zeros(4)[1:]
    return _read_address(probe) == _asked_address(probe)


address_of = _read_address if _can_read() else _asked_address
"""``address_of(array)``: where its first element is."""


def aligned_memory(size: int) -> tuple[Any, int]:
    """New memory and its aligned address; the first value keeps it."""
    if size == 0:
        return None, 0
    buffer = np.empty(size + ALIGNMENT - 1, np.uint8)
    return buffer, -(-address_of(buffer) // ALIGNMENT) * ALIGNMENT


class _Kept(threading.local):
    size = 0
    memory: tuple[Any, int] = (None, 0)


_kept = _Kept()


def workspace(size: int) -> tuple[Any, int]:
    """As `aligned_memory`, for one call of code that leaves nothing there: the thread's own memory, unless ``size`` is too
    large to be kept."""
    if size > _kept.size:
        made = aligned_memory(size)
        if size > KEPT_BYTES:
            return made
        _kept.memory, _kept.size = made, size
    return _kept.memory

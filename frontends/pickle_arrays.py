"""numpy dtypes, arrays and scalars from their pickled parts, built by our own code from checked parts only.

Arrays are read-only views of the file's bytes; nothing is copied and nothing is allocated for a shape that the file
does not fill.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.pickle_records import Name, describe, is_dict, is_dtype, is_integer, is_list, is_tuple, is_view

NDARRAY = Name("numpy", "ndarray")
SUBCLASSES = (NDARRAY, Name("numpy", "memmap"))
_CORES = ("numpy.core", "numpy._core")
RECONSTRUCT = frozenset(Name(f"{core}.multiarray", "_reconstruct") for core in _CORES)
FROM_BUFFER = frozenset(Name(f"{core}.numeric", "_frombuffer") for core in _CORES)
SCALAR = frozenset(Name(f"{core}.multiarray", "scalar") for core in _CORES)
DTYPE = Name("numpy", "dtype")

_PLAIN = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "O8", "O"])
_MAX_ITEM = 1 << 20
_MAX_DIMENSIONS = 32


def plain_dtype(code: object, order: object, place: str) -> np.dtype[Any]:
    """``f8`` and the like, and fixed-width text (``U5``, ``S3``)."""
    if type(code) is str and code in _PLAIN:
        return np.dtype(object) if code[0] == "O" else np.dtype(_byte_order(order, place) + code)
    if type(code) is str and code[:1] in ("U", "S") and code[1:].isascii() and code[1:].isdigit() and len(code) < 9:
        width = int(code[1:])
        if 0 < width <= _MAX_ITEM:
            return np.dtype(_byte_order(order, place) + code)
    raise UnsupportedModelError(f"an array of dtype {describe(code)}", place=place, fix="use plain numeric arrays")


def _byte_order(order: object, place: str) -> str:
    if order not in ("<", ">", "|", "="):
        raise ModelError(f"a dtype with byte order {describe(order)}", place=place)
    return str(order)


def dtype_from_state(args: tuple[Any, ...], state: object, place: str) -> np.dtype[Any]:
    """From ``numpy.dtype(code, False, True)`` and the state ``(version, order, subarray, names, fields, size, …)``."""
    if not is_tuple(state) or len(state) < 7 or not args:
        raise ModelError("a malformed dtype", place=place)
    _, order, subarray, names, fields, size, *_ = state
    if subarray is not None:
        raise UnsupportedModelError("a dtype with subarrays", place=place)
    if names is None:
        return plain_dtype(args[0], order, place)
    return _record_dtype(names, fields, size, place)


def _record_dtype(names: object, fields: object, size: object, place: str) -> np.dtype[Any]:
    malformed = ModelError("a malformed record dtype", place=place)
    if not is_tuple(names) or not is_dict(fields) or type(size) is not int or not 0 < size <= _MAX_ITEM:
        raise malformed
    if not 0 < len(names) <= 256 or any(type(name) is not str or name not in fields for name in names):
        raise malformed
    formats: list[np.dtype[Any]] = []
    offsets: list[int] = []
    for name in names:
        entry: object = fields[name]
        if not is_tuple(entry) or len(entry) < 2:
            raise malformed
        kind: object = entry[0]
        offset: object = entry[1]
        if not is_dtype(kind) or type(offset) is not int:
            raise malformed
        if kind.hasobject or not 0 <= offset <= size - kind.itemsize:
            raise malformed
        formats.append(kind)
        offsets.append(offset)
    layout: Any = {"names": list(names), "formats": formats, "offsets": offsets, "itemsize": size}
    return np.dtype(layout)


def checked_shape(shape: object, place: str) -> tuple[int, ...]:
    """A tuple of non-negative integers, at most 32 of them (numpy integers become int)."""
    if type(shape) is int:
        shape = (shape,)
    if not is_tuple(shape) or len(shape) > _MAX_DIMENSIONS:
        raise ModelError(f"an array whose shape is {describe(shape)}", place=place)
    for size in shape:
        if not is_integer(size) or size < 0:
            raise ModelError(f"an array dimension of {describe(size)}", place=place)
    return tuple(int(size) for size in shape)


def array_size(dtype: object, shape: object, place: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """The checked dtype and shape of an array, and its number of bytes."""
    if not is_dtype(dtype):
        raise ModelError(f"an array whose dtype is {describe(dtype)}", place=place)
    sizes = checked_shape(shape, place)
    return dtype, sizes, math.prod(sizes) * dtype.itemsize


def array_from_buffer(raw: object, dtype: object, shape: object, *, fortran: bool, place: str) -> NDArray[Any]:
    """A read-only view of ``raw``, which must hold the whole array and no more."""
    kind, sizes, n_bytes = array_size(dtype, shape, place)
    if kind.hasobject or not (isinstance(raw, bytes | bytearray) or is_view(raw)):
        raise ModelError(f"an array of {kind} over {describe(raw)}", place=place)
    if len(raw) != n_bytes:
        raise ModelError(
            f"an array of {kind} with shape {sizes} needs {n_bytes} bytes, and the file has {len(raw)}", place=place
        )
    flat: NDArray[Any] = np.frombuffer(raw, kind) if n_bytes else np.empty(0, kind)
    array: NDArray[Any] = flat.reshape(sizes[::-1]).T if fortran else flat.reshape(sizes)
    array.flags.writeable = False
    return array


def object_array(items: object, shape: object, *, fortran: bool, place: str) -> NDArray[Any]:
    """An array of objects, element by element: numpy never looks into them."""
    sizes = checked_shape(shape, place)
    if not is_list(items) or len(items) != math.prod(sizes):
        raise ModelError("an object array whose items do not fit its shape", place=place)
    flat: NDArray[Any] = np.empty(len(items), object)
    for index, item in enumerate(items):
        flat[index] = item
    return flat.reshape(sizes, order="F" if fortran else "C")


def array_from_state(args: tuple[Any, ...], state: object, place: str) -> NDArray[Any]:
    """From ``_reconstruct(ndarray, (0,), b"b")`` and the state ``(1, shape, dtype, is Fortran, data)``."""
    if not args or args[0] not in SUBCLASSES:
        raise UnsupportedModelError(f"an array of type {describe(args[0] if args else None)}", place=place)
    if not is_tuple(state) or len(state) != 5:
        raise ModelError("a malformed array", place=place)
    _, shape, dtype, fortran, data = state
    if is_dtype(dtype) and dtype.hasobject:
        return object_array(data, shape, fortran=bool(fortran is True), place=place)
    return array_from_buffer(data, dtype, shape, fortran=bool(fortran is True), place=place)


def scalar(args: tuple[Any, ...], place: str) -> object:
    """From ``scalar(dtype, bytes)``."""
    if len(args) != 2:
        raise ModelError("a malformed numpy scalar", place=place)
    return array_from_buffer(args[1], args[0], (), fortran=False, place=place)[()]


def from_buffer(args: tuple[Any, ...], place: str) -> NDArray[Any]:
    """From ``_frombuffer(buffer, dtype, shape, order)``."""
    if len(args) != 4 or args[3] not in ("C", "F"):
        raise ModelError("a malformed array", place=place)
    return array_from_buffer(args[0], args[1], args[2], fortran=args[3] == "F", place=place)

"""Columns that all scikit-learn frontends share: thresholds, shared predicates, de-duplicated leaf rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError
from treec.frontends.base import Missing, Predicates, Test
from treec.frontends.pickle_records import is_array, is_list

U64 = NDArray[np.uint64]


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest f32 that is <= each f64 threshold, so that ``x <= t`` is unchanged for every f32 ``x``."""
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
        above = nearest.astype(np.float64) > thresholds
        return np.where(above, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _ordered_bits(values: NDArray[Any]) -> NDArray[Any]:
    """Unsigned integers in the order of the floats; -0.0 is just below 0.0."""
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    sign = unsigned.type(1 << (8 * values.dtype.itemsize - 1))
    bits = values.view(unsigned)
    return np.where(bits & sign, ~bits, bits | sign)


def shared_predicates(
    inputs: NDArray[np.int32], thresholds: NDArray[Any], missing_left: NDArray[np.bool_]
) -> tuple[Predicates, NDArray[np.int32]]:
    """One ``<=`` predicate per different (input, threshold, missing direction), in that order; and each node's id."""
    direction = missing_left.astype(np.uint64)
    high = inputs.astype(np.uint64) << np.uint64(1)
    order = np.lexsort((direction, _ordered_bits(thresholds), high)) if len(inputs) else np.zeros(0, np.int64)
    sorted_keys = (inputs[order], thresholds[order].view(f"u{thresholds.dtype.itemsize}"), missing_left[order])
    first = np.ones(len(order), bool)
    first[1:] = np.any([key[1:] != key[:-1] for key in sorted_keys], axis=0) if len(order) else False
    predicate = np.zeros(len(order), np.int32)
    predicate[order] = np.cumsum(first) - 1
    keep = order[first]
    n = len(keep)
    predicates = Predicates(
        input=inputs[keep].astype(np.int32),
        test=np.full(n, Test.LESS_EQUAL, np.uint8),
        threshold=thresholds[keep].copy(),
        missing=np.full(n, Missing.NAN, np.uint8),
        missing_left=missing_left[keep].copy(),
        category_set=np.full(n, -1, np.int32),
        invalid_left=np.zeros(n, bool),
        set_offset=np.zeros(1, np.int64),
        set_words=np.zeros(0, np.uint32),
    )
    return predicates, predicate


def shared_rows(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The different rows of ``values`` f64[L, W], by their bits; and each leaf's row."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    if bits.shape[1] == 1:
        keys = bits[:, 0]
    else:
        mix = np.random.default_rng(0x7265_6563).integers(1, 1 << 63, bits.shape[1], np.uint64) * 2 + 1
        keys = (bits * mix).sum(axis=1, dtype=np.uint64)
    _, first, row = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(bits[first][row], bits):  # different rows with one key: compare the rows themselves
        whole = bits.view(np.dtype((np.void, bits.shape[1] * 8)))[:, 0]
        _, first, row = np.unique(whole, return_index=True, return_inverse=True)
    return np.ascontiguousarray(values[first]), row.astype(np.int32)


def check_record(array: object, fields: dict[str, str], what: str, place: str) -> NDArray[Any]:
    """A 1-D record array with exactly these fields; ``fields`` maps a name to its dtypes without byte order."""
    if not is_array(array) or array.ndim != 1:
        raise ModelError(f"{what} is no table of nodes", place=place)
    table = array
    names = table.dtype.names or ()
    if sorted(names) != sorted(fields):
        raise ModelError(f"{what} has the fields {', '.join(names)[:200]}", place=place)
    for name, kinds in fields.items():
        found = table.dtype[name].str[1:]
        if found not in kinds.split():
            raise ModelError(f"{what}: field {name} is {found}, not {kinds}", place=place)
    if len(table) == 0:
        raise ModelError(f"{what} has no nodes", place=place)
    return table


def flat_values(value: object, what: str, place: str) -> list[Any]:
    """The plain numbers of a 1-D array, or of a list of plain numbers; nothing nested, whatever a pickle says."""
    items: list[Any] | None = None
    if is_array(value) and value.ndim == 1 and value.dtype.kind in "biuf":
        items = value.tolist()
    elif is_list(value):
        items = [item.item() if isinstance(item, np.generic) else item for item in value]
    if items is None or not all(isinstance(item, bool | int | float) for item in items):
        raise ModelError(f"{what} is no list of numbers", place=place)
    return items


def require(condition: bool | np.bool_, message: str, place: str) -> None:
    if not condition:
        raise ModelError(message, place=place)

"""Memory of the loop interpreter: every access is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Attribute

from treec.errors import InputError, UsageError
from treec.treeir.interp.loop_scalars import Value, dtype_of, lanes_of
from treec.treeir.loop import AllocOp, TableOp
from treec.treeir.loop_types import BufferType, RecordType, Scope, byte_size, field_size

TABLE_PADDING = 64
"""Zero bytes after a table that a vector load may reach; see `treec.codegen.llvm.tables`."""


@dataclass(frozen=True)
class Buffer:
    """Elements of one dtype, or raw bytes of records.

    ``array``: of the buffer's shape; of records u1[n, size]. ``written``: which elements have a value; None for all.
    ``padding``: zero elements after the last one.
    """

    array: NDArray[Any]
    writable: bool
    record: RecordType | None = None
    written: NDArray[np.bool_] | None = None
    padding: int = 0
    owners: dict[int, tuple[int, int]] | None = None
    """Of scope ``lanes``: whose rows they are, by the threads' numbers along y and z."""

    def load(self, indices: Sequence[int], type_: Attribute, field: str | None) -> Value:
        """Raises IndexError out of bounds, RuntimeError for memory that was never written."""
        if self.record is not None:
            return self._load_field(indices, field or "")
        lanes = lanes_of(type_)
        place = self._place(indices, 1 if lanes is None else lanes)
        if self.written is not None and not np.all(self.written[place]):
            raise RuntimeError(f"element {list(indices)} is read before it is written")
        found = self.array[place].copy()
        if lanes is None:
            return found[0]
        return np.concatenate([found, np.zeros(lanes - len(found), found.dtype)])

    def check_lane(self, indices: Sequence[int], thread: tuple[int, int, int], *, own: bool) -> None:
        """Raise RuntimeError where a thread's part is another thread's (``own``), or that of another row."""
        if self.owners is None:
            return
        *_, lane, row = indices
        x, y, z = thread
        if self.owners.setdefault(row, (y, z)) != (y, z) or (own and lane != x):
            raise RuntimeError(f"element {list(indices)} is another thread's than {thread}")

    def gather(self, places: Sequence[Sequence[int]], dtype: np.dtype[Any], field: str | None) -> Value:
        """One element, field or whole record per place; zeros in a table's padding. Raises as `load`."""
        if self.record is not None and field is None:
            taken = [self.array[self._place(place, 1)][0] for place in places]
            return np.concatenate(taken).view(dtype)
        lanes = [self._gathered(place, field) for place in places]
        return np.array(lanes, dtype)

    def _gathered(self, place: Sequence[int], field: str | None) -> Value:
        if self.record is not None:
            return self._load_field(place, field or "")
        n = self.array.shape[-1]
        if n <= place[-1] < n + self.padding:
            return self.array.dtype.type(0)
        found = self._place(place, 1)
        if self.written is not None and not np.all(self.written[found]):
            raise RuntimeError(f"element {list(place)} is read before it is written")
        return self.array[found][0]

    def store(self, indices: Sequence[int], value: Value) -> None:
        if not self.writable:
            raise UsageError("this buffer can't be written")
        place = self._place(indices, np.size(value))
        self.array[place] = value
        if self.written is not None:
            self.written[place] = True

    def _load_field(self, indices: Sequence[int], field: str) -> Value:
        assert self.record is not None
        type_, offset = self.record.field(field)
        (place,) = self._place(indices, 1)
        found = self.array[place][0, offset : offset + field_size(type_)].copy().view(dtype_of(type_))
        return found[0] if lanes_of(type_) is None else found

    def _place(self, indices: Sequence[int], lanes: int) -> tuple[int | slice, ...]:
        """Where ``lanes`` neighbours along the last dimension lie."""
        *outer, first = indices
        shape = self.array.shape[: len(indices)]
        last = first + lanes - 1
        inside = all(0 <= index < n for index, n in zip(outer, shape, strict=False))
        if not inside or first < 0 or last >= shape[-1] + (self.padding if lanes > 1 else 0):
            raise IndexError(f"{lanes} elements at {list(indices)} of a buffer of shape {shape}")
        return (*outer, slice(first, last + 1))


def argument_buffer(name: str, array: NDArray[Any], type_: Attribute) -> Buffer:
    """The caller's array as a stage's argument, without a copy; raises `InputError` for another dtype or rank."""
    assert isinstance(type_, BufferType)
    wanted = dtype_of(type_.element)
    given = array.dtype if array.dtype.kind == "f" else np.dtype(f"u{array.dtype.itemsize}")
    if given != wanted or array.ndim != 2:
        raise InputError(f"{name} has {array.ndim} dimensions of {array.dtype}", fix=f"give 2 dimensions of {wanted}")
    return Buffer(array.view(wanted), writable=name == "out")


def table_buffer(op: TableOp) -> Buffer:
    element, array = op.type.element, op.data.array
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if isinstance(element, RecordType):
        return Buffer(raw.reshape(-1, element.size.data), writable=False, record=element)
    size = byte_size(element)
    return Buffer(raw.view(dtype_of(element)), writable=False, padding=TABLE_PADDING // size)


def scratch_buffer(op: AllocOp) -> Buffer:
    type_ = op.result.type
    assert isinstance(type_, BufferType)
    scopes = (Scope.WORKSPACE, Scope.LOCAL, Scope.SHARED, Scope.LANES)
    if type_.scope.data not in scopes or isinstance(type_.element, RecordType):
        raise UsageError(f"memory of type {type_} can't be interpreted")
    array, owners = np.zeros(op.extents, dtype_of(type_.element)), dict[int, tuple[int, int]]()
    of_lanes = type_.scope.data is Scope.LANES
    return Buffer(array, writable=True, written=np.zeros(op.extents, np.bool_), owners=owners if of_lanes else None)

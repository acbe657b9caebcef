"""The walk of lanes over packed trees: a vector of neighbouring rows goes down one tree together, one row per lane.

It is the scalar walk on vectors. Each lane has a node, an end of its subtree and left turns of its own; node records,
values and leaves are gathered. A lane that has its leaf stays there until the last one has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import DictionaryAttr, VectorType, f32, i32, i64
from xdsl.ir import SSAValue

from treec.errors import ScheduleError
from treec.frontends.base import CategoryCast
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.scalar_walk import ScalarWalk
from treec.passes.loop.tables import RecordReader, Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BinaryKind, CastKind, bit_width, vector_like
from treec.treeir.plan import BitFieldAttr, PackedTreesOp, WalkOp

INDEX_LIMIT = 1 << 31
"""Lanes count nodes, leaves and leaf values in 32 bits."""


class LanesWalk(ScalarWalk):
    """Emits walks of ``lanes`` rows each: a visit's row is the first of them. Landings hold vectors of i32."""

    def __init__(
        self,
        lanes: int,
        walk: WalkOp,
        packed: PackedTreesOp,
        tables: Tables,
        category_cast: CategoryCast,
        depth: Depth,
    ) -> None:
        super().__init__(walk, packed, tables, category_cast, depth)
        self.lanes = lanes
        self._scalar = ScalarWalk(walk, packed, tables, category_cast, depth)
        self.index = VectorType(i32, [lanes])
        if len(packed.nodes.array) + len(packed.node_base.array) >= INDEX_LIMIT:
            raise ScheduleError(
                f"lanes count nodes in 32 bits, and the model has {len(packed.nodes.array)}", fix="use walk with=scalar"
            )

    def one_row(self) -> ScalarWalk:
        """The same walk for a single row."""
        return self._scalar

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        zero = b.constant(0, self.index)
        starts = [self._splat(b, self._base(b, visit.tree)) for visit in visits]
        ends = [self._splat(b, self._base(b, b.add(visit.tree, 1))) for visit in visits]
        states = [(start, end, zero) for start, end in zip(starts, ends, strict=True)]
        states = self._descend(b, visits, states, read)
        landed = zip(visits, starts, states, strict=True)
        return [Landing(self._splat(b, v.tree), start, node, lefts) for v, start, (node, _, lefts) in landed]

    def _splat(self, b: LoopBuilder, value: SSAValue) -> SSAValue:
        return b.splat(b.cast(CastKind.TRUNC, value, i32), self.index)

    def _record(
        self,
        b: LoopBuilder,
        table: TableOp,
        fields: DictionaryAttr,
        index: SSAValue,
        copies: Mapping[str, SSAValue] | None = None,
    ) -> RecordReader:
        return LanesRecord.gather(b, table, fields, index)


@dataclass(frozen=True)
class LanesRecord(RecordReader):
    """Reads the bit fields of one record per lane, as i32."""

    whole: SSAValue | None = None
    """The records' bits, i64: threshold below, word above; None if they are gathered apart."""

    @staticmethod
    def gather(b: LoopBuilder, table: TableOp, fields: DictionaryAttr, index: SSAValue) -> LanesRecord:
        buffer = b.table(table)
        bits = {name: field for name, field in fields.data.items() if isinstance(field, BitFieldAttr)}
        dtype = table.data.array.dtype
        if dtype.itemsize == 8 and "threshold" in (dtype.names or ()) and dtype["threshold"].itemsize == 4:
            whole = b.named("record", b.load(buffer, index))
            word = b.cast(CastKind.TRUNC, b.binary(BinaryKind.SHR, whole, 32), index.type)
            return LanesRecord(buffer, bits, index, word, whole=whole)
        return LanesRecord(buffer, bits, index, _word(b, table, index))

    def threshold(self, b: LoopBuilder) -> SSAValue:
        if self.whole is None:
            return super().threshold(b)
        low = b.cast(CastKind.TRUNC, self.whole, self.index.type)
        return b.named("threshold", b.cast(CastKind.BITCAST, low, vector_like(low.type, f32)))

    def number(self, b: LoopBuilder, name: str) -> SSAValue:
        return b.cast(CastKind.TRUNC, super().number(b, name), self.index.type)


def _word(b: LoopBuilder, table: TableOp, index: SSAValue) -> SSAValue:
    """The word in as few bits as it needs, 32 or 64, from the fields that it is stored in."""
    dtype = table.data.array.dtype
    names = [name for name in dtype.names or () if name.startswith("word")]
    n_bytes = sum(int(dtype[name].itemsize) for name in names)
    type_ = vector_like(index.type, i32 if n_bytes <= 4 else i64)
    parts: list[SSAValue] = []
    shift = 0
    for name in names:
        part = b.load(b.table(table), index, field=name)
        part = part if bit_width(part.type) == bit_width(type_) else b.cast(CastKind.ZEXT, part, type_)
        parts.append(b.binary(BinaryKind.SHL, part, shift) if shift else part)
        shift += 8 * int(dtype[name].itemsize)
    word = parts[0]
    for part in parts[1:]:
        word = b.either(word, part)
    return word

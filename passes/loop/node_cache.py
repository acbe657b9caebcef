"""The nodes of a forest copied to memory that the threads of a GPU's block share, for walks to read."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.gpu import emit_shared_out
from treec.passes.loop.tables import element_type
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import Scope


@dataclass(frozen=True)
class Copied:
    """Records from number ``first`` on, ``count`` of them, at most ``most``."""

    first: SSAValue
    count: SSAValue
    most: int


def emit_node_copy(
    b: LoopBuilder, nodes: TableOp, threads: tuple[int, int, int], part: Copied | None = None
) -> dict[str, SSAValue]:
    """Copy all records or a part of them, all threads of the block together, and wait; returns memory by the name of the
    field."""
    table, array = b.table(nodes), nodes.data.array
    kinds = {name: kind for name, (kind, *_) in (array.dtype.fields or {}).items()}
    part = part or Copied(b.constant(0), b.constant(len(array)), len(array))
    copies = {name: b.alloc([part.most], element_type(kind), Scope.SHARED) for name, kind in kinds.items()}

    def one(t: LoopBuilder, at: SSAValue, _: Values) -> Values:
        record = t.add(part.first, at)
        for name, copy in copies.items():
            t.store(t.load(table, record, field=name), copy, at)
        return []

    emit_shared_out(b, part.count, part.most, threads, one, label="node")
    b.barrier()
    return copies

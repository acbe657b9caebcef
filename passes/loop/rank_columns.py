"""Rows become ranks by column: the ranks of one view are neighbours in workspace, for code that takes vectors of rows."""

from __future__ import annotations

from xdsl.ir import SSAValue

from treec.frontends.base import Forest
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.rank import RANK_ELEMENTS, GroupCode, group_codes
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import CastKind
from treec.treeir.ranks import RanksOp

TILE_ROWS = 64
"""Rows that are ranked before the next ones: their values stay in the first cache while all inputs are read."""


def emit_rank_columns(
    b: LoopBuilder,
    ranks: RanksOp,
    forest: Forest,
    tables: Tables,
    rows: SSAValue,
    begin: SSAValue,
    end: SSAValue,
    block: int,
) -> SSAValue:
    """Workspace [views, block] of rank type: the ranks of rows ``begin`` to ``end``, and 0 for the rest of the block."""
    element = RANK_ELEMENTS[ranks.to.data]
    ranked = b.alloc([max(1, ranks.n_views), block], element)
    zero = b.constant(0, element)

    def no_rows(t: LoopBuilder, view: SSAValue, _: Values) -> Values:
        def no_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
            u.store(zero, ranked, view, row)
            return []

        return t.for_(t.sub(end, begin), t.constant(block), no_row)

    b.for_(b.constant(0), b.constant(ranks.n_views), no_rows)
    codes = group_codes(ranks, forest, tables)

    def one_tile(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
        last = t.minimum(t.add(first, TILE_ROWS), end)
        for code in codes:
            _tile(t, code, rows, ranked, (begin, first, last))
        return []

    b.for_(begin, end, one_tile, step=TILE_ROWS)
    return ranked


def _tile(
    b: LoopBuilder, code: GroupCode, rows: SSAValue, ranked: SSAValue, place: tuple[SSAValue, SSAValue, SSAValue]
) -> None:
    begin, first, last = place
    element = RANK_ELEMENTS[code.ranks.to.data]

    def one_source(t: LoopBuilder, at: SSAValue, _: Values) -> Values:
        source = code.source(t, at)

        def one_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
            for view, rank in code.ranks_of(u, source, rows, row):
                u.store(u.cast(CastKind.TRUNC, rank, element), ranked, view, u.sub(row, begin))
            return []

        return t.for_(first, last, one_row)

    b.for_(b.constant(0), b.constant(code.n_sources), one_source)

"""Rows become ranks by column: the ranks of one view are neighbours in workspace, for code that takes vectors of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Forest
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.rank import RANK_ELEMENTS, GroupCode, group_codes
from treec.passes.loop.rank_search import PADDING, RankSearch, search_groups
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import CastKind
from treec.treeir.ranks import RanksOp

TILE_ROWS = 64
"""Rows that are ranked before the next ones, where they are ranked one by one: their values stay in the first cache while
all inputs are read."""


@dataclass(frozen=True)
class RankedBlock:
    """Code that ranks blocks of rows, where there is room for ``block`` of them. ``search_type``: of vectors of rows that
    are ranked together, None where each is ranked by itself; that is also the way of sources that vectors have none for,
    see `search_groups`."""

    ranks: RanksOp
    forest: Forest
    tables: Tables
    block: int
    search_type: Attribute | None

    @property
    def shape(self) -> tuple[int, int]:
        """Of the workspace for ranks: [views, block]."""
        return max(1, self.ranks.n_views), self.block

    @property
    def element(self) -> Attribute:
        """The type of a rank."""
        return RANK_ELEMENTS[self.ranks.to.data]

    def emit(
        self, b: LoopBuilder, rows: SSAValue, ranked: SSAValue, begin: SSAValue, end: SSAValue, length: SSAValue
    ) -> None:
        """Fill ``ranked`` with the ranks of rows ``begin`` to ``end``, and any up to ``length`` rows."""
        ranks = self.ranks
        _clear(b, ranked, (self.shape[0], length), self.element, b.sub(end, begin))
        groups = search_groups(ranks, self.forest.inputs) if self.search_type is not None and ranks.to.data == "u8" else []
        if groups and self.search_type is not None:
            search = RankSearch(ranks, self.forest, self.tables, groups, self.search_type)
            values = b.alloc([search.lines, self.block + PADDING], self.search_type)
            n_rows = b.sub(end, begin)
            _clear(b, values, (search.lines, search.whole_words(b, n_rows)), self.search_type, n_rows)
            search.emit(b, rows, values, ranked, (begin, end))
        searched = np.concatenate([np.zeros(0, np.int64), *(group.sources for group in groups)])
        codes = group_codes(ranks, self.forest, self.tables, frozenset(searched.tolist()))
        if codes:

            def one_tile(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
                last = t.minimum(t.add(first, TILE_ROWS), end)
                for code in codes:
                    _tile(t, code, rows, ranked, (begin, first, last))
                return []

            b.for_(begin, end, one_tile, step=TILE_ROWS)


def _clear(b: LoopBuilder, buffer: SSAValue, shape: tuple[int, SSAValue], element: Attribute, n_rows: SSAValue) -> None:
    """Zeros for the rows up to ``shape[1]`` that the block does not have."""
    zero = b.constant(0, element)

    def one_line(t: LoopBuilder, line: SSAValue, _: Values) -> Values:
        def no_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
            u.store(zero, buffer, line, row)
            return []

        return t.for_(n_rows, shape[1], no_row)

    b.for_(b.constant(0), b.constant(shape[0]), one_line)


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

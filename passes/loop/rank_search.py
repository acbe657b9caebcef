"""Ranks of many rows at once, each in a lane: a search by halves, with pivots looked up in registers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Forest, Inputs, Missing
from treec.passes.algo.packed import narrow
from treec.passes.algo.search import halving_tables
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_value
from treec.passes.loop.predicate import emit_is_missing
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind
from treec.treeir.ranks import RanksOp

LANES = 16
WORD_ROWS = 64
CHUNK = 8
"""Sources whose values are copied together, before they are ranked: a block of them stays in the first cache."""
MOST_CUTS = 255
"""Of a source: their pivots take the registers of AVX-512."""
LEVELS = (4, 6, 7, 8)
"""Levels that searches have: the fewer kinds, the less code, and few are cheap."""


def search_type(inputs: Inputs, row_type: Attribute) -> Attribute | None:
    """The type to compare rows in; None where there is no search of this kind.

    A row of f32 is at least a cut of f64 where it is at least the next f32 at or above it. What stands for a missing value
    has to be an f32 too.
    """
    missing = inputs.missing_value
    fits = inputs.dtype == np.float32 or np.isnan(missing) or float(np.float32(missing)) == missing
    return f32 if inputs.dtype == np.float32 or (row_type == f32 and fits) else None


def as_f32(cuts: NDArray[np.floating]) -> NDArray[np.float32]:
    """The least f32 at or above each cut."""
    with np.errstate(over="ignore"):
        nearest = cuts.astype(np.float32)
        above = np.nextafter(nearest, np.float32(np.inf))
    return np.where(nearest < cuts, above, nearest)


@dataclass(frozen=True)
class SearchGroup:
    """Sources with the same code: levels of the search, and which values each view takes for missing."""

    number: int
    levels: int
    missing: tuple[Missing, ...]
    sources: NDArray[np.int64]


def search_groups(ranks: RanksOp, inputs: Inputs) -> list[SearchGroup]:
    """The sources that can be searched so: numbers, with some cuts and not too many."""
    from_table = np.zeros(inputs.n_inputs, bool)
    if inputs.table_offset is not None:
        from_table = np.diff(inputs.table_offset) > 0
    n_cuts, views = np.diff(ranks.cut_offset.array), ranks.view_offset.array
    fits = (ranks.source_limit.array < 0) & (n_cuts > 0) & (n_cuts <= MOST_CUTS) & ~from_table[ranks.source_input.array]
    found: dict[tuple[int, tuple[Missing, ...]], list[int]] = {}
    for source in np.flatnonzero(fits).tolist():
        missing = tuple(Missing(kind) for kind in ranks.view_missing.array[views[source] : views[source + 1]])
        levels = next(levels for levels in LEVELS if n_cuts[source] < 1 << levels)
        found.setdefault((levels, missing), []).append(source)
    groups = sorted(found.items(), key=lambda item: item[0])
    return [SearchGroup(n, *key, np.array(sources)) for n, (key, sources) in enumerate(groups)]


class RankSearch:
    """Code that ranks a group's sources for a block of rows."""

    def __init__(self, ranks: RanksOp, forest: Forest, tables: Tables, group: SearchGroup, type_: Attribute) -> None:
        self.ranks, self.inputs, self.tables, self.group, self.type = ranks, forest.inputs, tables, group, type_
        offset, cuts = ranks.cut_offset.array, as_f32(ranks.cuts.array)
        own = [cuts[offset[source] : offset[source + 1]] for source in group.sources]
        self.pivots = halving_tables(own, group.levels, LANES)

    def _number(self, b: LoopBuilder, name: str, column: NDArray[np.integer], at: SSAValue) -> SSAValue:
        return self.tables.number(b, self._name(name), narrow(column), at)

    def _name(self, name: str) -> str:
        return f"{self.ranks.sym_name.data}_search{self.group.number}_{name}"

    def emit(
        self,
        b: LoopBuilder,
        rows: SSAValue,
        values: SSAValue,
        ranked: SSAValue,
        place: tuple[SSAValue, SSAValue],
    ) -> None:
        """Ranks of rows ``place`` in ``ranked`` [view, block]; ``values`` [CHUNK, block] is scratch."""
        begin, end = place
        n_sources = b.constant(len(self.group.sources))

        def some_sources(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
            last = t.minimum(t.add(first, CHUNK), n_sources)
            self._copy(t, rows, values, (begin, end), (first, last))
            n_words = t.binary(BinaryKind.SHR, t.add(t.sub(end, begin), WORD_ROWS - 1), WORD_ROWS.bit_length() - 1)

            def one_source(u: LoopBuilder, source: SSAValue, _: Values) -> Values:
                self._rank(u, source, values, u.sub(source, first), ranked, n_words)
                return []

            return t.for_(first, last, one_source, label="source")

        b.for_(b.constant(0), n_sources, some_sources, step=CHUNK)

    def _copy(
        self,
        b: LoopBuilder,
        rows: SSAValue,
        values: SSAValue,
        place: tuple[SSAValue, SSAValue],
        sources: tuple[SSAValue, SSAValue],
    ) -> None:
        """Values by source; row by row, since a row's values are neighbours. A chunk that is not full has its last source
        several times."""
        begin, end = place
        column = self.inputs.column[self.ranks.source_input.array[self.group.sources]]
        last = b.sub(sources[1], 1)
        columns = [
            self._number(b, "column", column, b.minimum(b.add(sources[0], at), last) if at else sources[0])
            for at in range(CHUNK)
        ]

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            found = [emit_value(t, self.inputs, rows, row, column, self.type) for column in columns]
            for at, value in enumerate(found):
                t.store(value, values, t.constant(at), t.sub(row, begin))
            return []

        b.for_(begin, end, one_row)

    def _rank(
        self, b: LoopBuilder, source: SSAValue, values: SSAValue, own: SSAValue, ranked: SSAValue, n_words: SSAValue
    ) -> None:
        pivots = [self._pivots(b, level, source) for level in range(self.group.levels)]
        first = self.ranks.view_offset.array[self.group.sources]
        view, rank = self._number(b, "view", first, source), self.ranks.view_rank.array
        of_missing = [self._number(b, f"missing{k}", rank[first + k], source) for k in range(len(self.group.missing))]
        lanes = VectorType(i32, [LANES])
        ways = [b.splat(b.cast(CastKind.TRUNC, number, i32), lanes) for number in of_missing]

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            row = t.mul(word, WORD_ROWS)
            places = [t.add(row, at) for at in range(0, WORD_ROWS, LANES)]
            asked = [t.load_vector(values, own, place, type_=VectorType(self.type, [LANES])) for place in places]
            for place, value, found in zip(places, asked, self._search(t, pivots, asked), strict=True):
                for number, (what, way) in enumerate(zip(self.group.missing, ways, strict=True)):
                    chosen = t.select(emit_is_missing(t, value, what), way, found)
                    t.store(t.cast(CastKind.TRUNC, chosen, VectorType(i8, [LANES])), ranked, t.add(view, number), place)
            return []

        b.for_(b.constant(0), n_words, one_word, label="word")

    def _pivots(self, b: LoopBuilder, level: int, source: SSAValue) -> SSAValue:
        table = self.pivots[level]
        data = b.table(self.tables.of(self._name(f"pivots{level}"), table))
        at = b.mul(source, table.shape[1])
        if level == 0:
            return b.splat(b.load(data, at), VectorType(self.type, [LANES]))
        return b.load_vector(data, at, type_=VectorType(self.type, [table.shape[1]]))

    def _search(self, b: LoopBuilder, pivots: Values, asked: Values) -> Values:
        """Each vector's ranks; level by level for all of them, so that one waits for none of the others."""
        zero = b.constant(0, VectorType(i32, [LANES]))
        found = [zero] * len(asked)
        for level, table in enumerate(pivots):
            for at, value in enumerate(asked):
                pivot = b.shuffle(table, found[at]) if level else table
                not_above = b.compare(CompareKind.OLE, pivot, value)
                double = b.add(found[at], found[at])
                found[at] = b.select(not_above, b.binary(BinaryKind.ADD, double, b.constant(1, zero.type)), double)
        return found

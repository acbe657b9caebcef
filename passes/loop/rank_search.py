"""Ranks of many rows at once, each in a lane: a search by halves, with pivots looked up in registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Forest, Inputs, Missing
from treec.passes.algo.packed import narrow
from treec.passes.algo.search import halving_tables, windows
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_missing, emit_value
from treec.passes.loop.predicate import emit_is_missing
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, BufferType, CastKind, CompareKind
from treec.treeir.ranks import RanksOp

LANES = 16
WORD_ROWS = 64
WINDOW = 8
"""Columns, and rows, of the squares in which values are copied."""
SPAN = 16
"""Windows that are copied together, before they are ranked: rows are read one after the other, and what was copied stays
in the second cache."""
AHEAD = 16
"""Rows that are prefetched before their turn."""
PADDING = 16
"""Values between the columns of a block that are not used: else all columns would share few sets of the first cache."""
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
    """Code that ranks the sources of all ``groups`` for a block of rows, some columns after the others."""

    def __init__(self, ranks: RanksOp, forest: Forest, tables: Tables, groups: list[SearchGroup], type_: Attribute) -> None:
        self.ranks, self.inputs, self.tables, self.groups, self.type = ranks, forest.inputs, tables, groups, type_
        offset, cuts = ranks.cut_offset.array, as_f32(ranks.cuts.array)
        self.pivots: list[list[NDArray[Any]]] = []
        for group in groups:
            own = [cuts[offset[source] : offset[source + 1]] for source in group.sources]
            self.pivots.append(halving_tables(own, group.levels, LANES))
        sources = np.concatenate([group.sources for group in groups])
        column = self.inputs.column[ranks.source_input.array[sources]].astype(np.int64)
        order = np.argsort(column, kind="stable")
        self.group = np.repeat(np.arange(len(groups)), [len(group.sources) for group in groups])[order]
        self.place = np.concatenate([np.arange(len(group.sources)) for group in groups])[order]
        self.window, begin = windows(column[order], self.inputs.n_features, WINDOW)
        window = np.repeat(np.arange(len(self.window)), np.diff(begin))
        self.line = window % SPAN * WINDOW + column[order] - self.window[window]
        self.begin = np.append(begin[:-1:SPAN], begin[-1])

    @property
    def lines(self) -> int:
        """Columns of values that are copied together."""
        return WINDOW * min(SPAN, len(self.window))

    def whole_words(self, b: LoopBuilder, n_rows: SSAValue) -> SSAValue:
        """Rows that are ranked where there are so many."""
        return b.both(b.add(n_rows, WORD_ROWS - 1), ~(WORD_ROWS - 1))

    def _number(self, b: LoopBuilder, name: str, column: NDArray[np.integer], at: SSAValue) -> SSAValue:
        return self.tables.number(b, f"{self.ranks.sym_name.data}_search_{name}", narrow(column), at)

    def emit(
        self,
        b: LoopBuilder,
        rows: SSAValue,
        values: SSAValue,
        ranked: SSAValue,
        place: tuple[SSAValue, SSAValue],
    ) -> None:
        """Ranks of rows ``place`` in ``ranked`` [view, block]; ``values`` [`lines`, block and `PADDING`] is scratch."""
        begin, end = place
        n_words = b.binary(BinaryKind.SHR, self.whole_words(b, b.sub(end, begin)), WORD_ROWS.bit_length() - 1)
        n_windows = b.constant(len(self.window))

        def one_span(t: LoopBuilder, span: SSAValue, _: Values) -> Values:
            window = t.mul(span, SPAN)
            self._copy(t, rows, values, (begin, end), (window, t.minimum(t.add(window, SPAN), n_windows)))

            def one_source(u: LoopBuilder, source: SSAValue, _: Values) -> Values:
                line, group, own = (
                    self._number(u, name, column, source)
                    for name, column in (("line", self.line), ("group", self.group), ("place", self.place))
                )
                self._one_of(u, group, lambda v, number: self._rank(v, number, own, (values, line), ranked, n_words))
                return []

            first, last = (self._number(t, "begin", self.begin, at) for at in (span, t.add(span, 1)))
            return t.for_(first, last, one_source, label="source")

        b.for_(b.constant(0), b.constant(len(self.begin) - 1), one_span, label="span")

    def _one_of(self, b: LoopBuilder, group: SSAValue, body: Callable[[LoopBuilder, int], None]) -> None:
        """The code of a group."""

        def chain(t: LoopBuilder, number: int) -> Values:
            def this(u: LoopBuilder) -> Values:
                body(u, number)
                return []

            if number == len(self.groups) - 1:
                return this(t)
            return t.if_(t.compare(CompareKind.EQ, group, number), [], this, lambda u: chain(u, number + 1))

        chain(b, 0)

    def _copy(
        self,
        b: LoopBuilder,
        rows: SSAValue,
        values: SSAValue,
        place: tuple[SSAValue, SSAValue],
        span: tuple[SSAValue, SSAValue],
    ) -> None:
        """The values of some windows by column: squares of them, then row by row what is left."""
        begin, end = place

        def each_window(t: LoopBuilder, body: Callable[[LoopBuilder, SSAValue, SSAValue], None]) -> Values:
            def one(u: LoopBuilder, window: SSAValue, _: Values) -> Values:
                body(u, self._number(u, "window", self.window, window), u.mul(u.sub(window, span[0]), WINDOW))
                return []

            return t.for_(*span, one, label="window")

        def some_rows(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def square(u: LoopBuilder, column: SSAValue, line: SSAValue) -> None:
                for at in range(WINDOW):
                    u.prefetch(rows, u.minimum(u.add(row, AHEAD + at), u.sub(end, 1)), column)
                for at, value in enumerate(u.load_columns(rows, row, column, WINDOW)):
                    u.store(emit_missing(u, value, self.inputs), values, u.add(line, at), u.sub(row, begin))

            return each_window(t, square)

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def line_of_square(u: LoopBuilder, column: SSAValue, line: SSAValue) -> None:
                last = self.inputs.n_features - 1
                for at in range(WINDOW):
                    own = u.minimum(u.add(column, at), u.constant(last))
                    u.store(
                        emit_value(u, self.inputs, rows, row, own, self.type), values, u.add(line, at), u.sub(row, begin)
                    )

            return each_window(t, line_of_square)

        middle = begin
        if self.inputs.n_features >= WINDOW and isinstance(rows.type, BufferType) and rows.type.element == self.type:
            length = b.sub(end, begin)
            middle = b.sub(end, b.binary(BinaryKind.REM, length, WINDOW))
            b.for_(begin, middle, some_rows, step=WINDOW)
        b.for_(middle, end, one_row)

    def _rank(
        self,
        b: LoopBuilder,
        number: int,
        source: SSAValue,
        values: tuple[SSAValue, SSAValue],
        ranked: SSAValue,
        n_words: SSAValue,
    ) -> None:
        """Rank a source of group ``number`` whose ``values`` are in a line of a buffer."""
        group = self.groups[number]
        pivots = [self._pivots(b, number, level, source) for level in range(group.levels)]
        first = self.ranks.view_offset.array[group.sources]
        view, rank = self._number(b, f"{number}_view", first, source), self.ranks.view_rank.array
        of_missing = [self._number(b, f"{number}_missing{k}", rank[first + k], source) for k in range(len(group.missing))]
        lanes = VectorType(i8, [LANES])
        ways = [b.splat(b.cast(CastKind.TRUNC, way, i8), lanes) for way in of_missing]

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            row = t.mul(word, WORD_ROWS)
            places = [t.add(row, at) for at in range(0, WORD_ROWS, LANES)]
            asked = [t.load_vector(*values, place, type_=VectorType(self.type, [LANES])) for place in places]
            for place, value, found in zip(places, asked, self._search(t, pivots, asked), strict=True):
                for k, (what, way) in enumerate(zip(group.missing, ways, strict=True)):
                    chosen = t.select(emit_is_missing(t, value, what), way, found)
                    t.store(chosen, ranked, t.add(view, k), place)
            return []

        b.for_(b.constant(0), n_words, one_word, label="word")

    def _pivots(self, b: LoopBuilder, number: int, level: int, source: SSAValue) -> SSAValue:
        table = self.pivots[number][level]
        data = b.table(self.tables.of(f"{self.ranks.sym_name.data}_search_{number}_pivots{level}", table))
        at = b.mul(source, table.shape[1])
        if level == 0:
            return b.splat(b.load(data, at), VectorType(self.type, [LANES]))
        return b.load_vector(data, at, type_=VectorType(self.type, [table.shape[1]]))

    def _search(self, b: LoopBuilder, pivots: Values, asked: Values) -> Values:
        """Each vector's ranks, as i8; level by level for all of them, so that one waits for none of the others."""
        zero = b.constant(0, VectorType(i32, [LANES]))
        found = [zero] * len(asked)
        for level, table in enumerate(pivots):
            bit = b.constant(1 << level, zero.type)
            for at, value in enumerate(asked):
                pivot = b.shuffle(table, found[at]) if level else table
                not_above = b.compare(CompareKind.OLE, pivot, value)
                found[at] = b.select(not_above, b.either(found[at], bit), found[at])
        bytes_ = VectorType(i8, [LANES])
        whole = [b.reverse_bits(b.cast(CastKind.TRUNC, number, bytes_)) for number in found]
        return [b.binary(BinaryKind.SHR, number, 8 - len(pivots)) for number in whole]

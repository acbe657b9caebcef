"""Rows become ranks: the code that fills a block of ranked rows in workspace, before trees look at them.

Sources are grouped by what their code has to do, so that the code has no decisions left: numbers by the levels of their
search, and by which values count as missing in each view. A group is a loop over its sources around a loop over rows.
Ranked rows are dense, a row's views side by side: a walk that stays with its row then adds the view to a fixed address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, VectorType, i8, i16, i32, i64
from xdsl.ir import SSAValue
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.frontends.base import Forest, Inputs, Missing
from treec.passes.algo.packed import narrow
from treec.passes.algo.ranks import FIRST_CATEGORY, INVALID
from treec.passes.algo.search import PIVOTS, heap_tables, search_levels, search_tables
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_position, emit_value
from treec.passes.loop.predicate import emit_category, emit_is_missing
from treec.passes.loop.tables import Tables
from treec.treeir.forest_types import dtype_attribute
from treec.treeir.loop_types import CastKind, CompareKind
from treec.treeir.plan import KernelOp
from treec.treeir.ranks import RanksOp

RANK_ELEMENTS = {"u8": i8, "u16": i16, "u32": i32}


@dataclass(frozen=True)
class WalkRanks:
    """The ranks of a walk, and the loop in each step of which they are made."""

    op: RanksOp
    at: str


def ranks_of_walk(kernel: KernelOp, module: ModuleOp) -> WalkRanks | None:
    """What the kernel's walk says of ranks, proved to come before its first tree; None if it reads values."""
    walk = kernel.innermost_walk()
    if walk.ranks is None or walk.ranks_at is None:
        return None
    op = SymbolTable.lookup_symbol(module, walk.ranks)
    if not isinstance(op, RanksOp):
        raise ScheduleError(f"there are no ranks {walk.ranks}", fix="run rank-features before it")
    at = walk.ranks_at.data
    for loop in kernel.nest():
        if loop.axis.data.value == "tree":
            break
        if loop.label.data == at:
            return WalkRanks(op, at)
    raise ScheduleError(f"`{at}` is no loop over rows outside of all trees", fix=f"put `{at}` first by `order`")


@dataclass(frozen=True)
class _Group:
    """Sources with the same code. ``levels`` of a search, -1 for categories."""

    number: int
    sources: NDArray[np.int64]
    levels: int
    from_table: bool
    missing: tuple[Missing, ...]


def _groups(ranks: RanksOp, inputs: Inputs, without: Collection[int]) -> list[_Group]:
    from_table = np.zeros(inputs.n_inputs, bool)
    if inputs.table_offset is not None:
        from_table = np.diff(inputs.table_offset) > 0
    n_cuts, views = np.diff(ranks.cut_offset.array), ranks.view_offset.array
    found: dict[tuple[int, bool, tuple[Missing, ...]], list[int]] = {}
    for source, number in enumerate(ranks.source_input.array):
        if source in without:
            continue
        is_category = ranks.source_limit.array[source] >= 0
        levels = -1 if is_category else search_levels(int(n_cuts[source]))
        missing = tuple(Missing(kind) for kind in ranks.view_missing.array[views[source] : views[source + 1]])
        found.setdefault((levels, bool(from_table[number]), missing), []).append(source)
    return [_Group(n, np.array(s), *key) for n, (key, s) in enumerate(sorted(found.items(), key=lambda item: item[0]))]


def emit_ranks(
    b: LoopBuilder,
    ranks: RanksOp,
    forest: Forest,
    tables: Tables,
    rows: SSAValue,
    ranked: SSAValue,
    begin: SSAValue,
    end: SSAValue,
) -> None:
    """Fill ``ranked`` [rows of a block, views + 1], of rank type, with the ranks of rows ``begin`` to ``end``; the last
    view is 0.
    """
    element = RANK_ELEMENTS[ranks.to.data]

    def no_view(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        t.store(t.constant(0, element), ranked, t.sub(row, begin), t.constant(ranks.n_views))
        return []

    b.for_(begin, end, no_view)
    for code in group_codes(ranks, forest, tables):

        def one_source(t: LoopBuilder, at: SSAValue, _: Values, code: GroupCode = code) -> Values:
            source = code.source(t, at)

            def one_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
                for view, rank in code.ranks_of(u, source, rows, row):
                    u.store(u.cast(CastKind.TRUNC, rank, element), ranked, u.sub(row, begin), view)
                return []

            t.for_(begin, end, one_row)
            return []

        b.for_(b.constant(0), b.constant(code.n_sources), one_source)


def group_codes(
    ranks: RanksOp, forest: Forest, tables: Tables, without: Collection[int] = (), *, by_halves: bool = False
) -> list[GroupCode]:
    """The code of every group of sources, but for some. ``by_halves``: without vectors, as a thread of a GPU searches."""
    code = HalvingCode if by_halves else GroupCode
    return [code(ranks, forest, tables, group) for group in _groups(ranks, forest.inputs, without)]


@dataclass(frozen=True)
class _Source:
    """What is known of a source outside of the loop over rows."""

    at: SSAValue
    column: SSAValue
    first_view: SSAValue
    of_missing: list[SSAValue]
    pivots: SSAValue | None
    """The top level of its search."""


class GroupCode:
    """Code for one source of a group at run time."""

    def __init__(self, ranks: RanksOp, forest: Forest, tables: Tables, group: _Group) -> None:
        self.ranks, self.group, self.tables = ranks, group, tables
        self.n_sources = len(group.sources)
        offset = ranks.cut_offset.array
        cuts = [ranks.cuts.array[offset[source] : offset[source + 1]] for source in group.sources]
        self.levels = search_tables(cuts, max(0, group.levels))
        self.inputs, self.cast = forest.inputs, forest.predicates.category_cast
        self.input = ranks.source_input.array[group.sources]
        self.type = dtype_attribute(forest.inputs.dtype)

    def _table(self, b: LoopBuilder, name: str, data: NDArray[np.generic]) -> SSAValue:
        return b.table(self.tables.of(f"{self.ranks.sym_name.data}_{self.group.number}_{name}", data))

    def _number(self, b: LoopBuilder, name: str, column: NDArray[np.integer], at: SSAValue) -> SSAValue:
        return b.load_index(self._table(b, name, narrow(column)), at)

    def source(self, b: LoopBuilder, at: SSAValue) -> _Source:
        first = self.ranks.view_offset.array[self.group.sources]
        rank = self.ranks.view_rank.array
        return _Source(
            at,
            self._number(b, "column", self.inputs.column[self.input], at),
            self._number(b, "view", first, at),
            [self._number(b, f"missing{k}", rank[first + k], at) for k in range(len(self.group.missing))],
            self._first_pivots(b, at) if self.group.levels > 0 else None,
        )

    def _first_pivots(self, b: LoopBuilder, at: SSAValue) -> SSAValue | None:
        return self._pivots(b, 0, at, b.constant(0))

    def ranks_of(
        self, b: LoopBuilder, source: _Source, rows: SSAValue, row: SSAValue
    ) -> Iterator[tuple[SSAValue, SSAValue]]:
        """(view, rank), both i64, of one row."""
        value = emit_value(b, self.inputs, rows, row, source.column, self.type)
        if self.group.from_table:
            value = self._position(b, source, value)
        rank = self._category(b, source, value) if self.group.levels < 0 else self._search(b, source, value)
        for number, (what, of_missing) in enumerate(zip(self.group.missing, source.of_missing, strict=True)):
            yield b.add(source.first_view, number), b.select(emit_is_missing(b, value, what), of_missing, rank)

    def _position(self, b: LoopBuilder, source: _Source, value: SSAValue) -> SSAValue:
        if self.inputs.table_offset is None or self.inputs.table_value is None:
            raise ValueError("these inputs have no value tables")
        first = self._number(b, "table_first", self.inputs.table_offset[self.input], source.at)
        last = self._number(b, "table_last", self.inputs.table_offset[self.input + 1], source.at)
        values = b.table(self.tables.of("value_table", self.inputs.table_value.astype(self.inputs.dtype)))
        return emit_position(b, values, first, last, value)

    def _category(self, b: LoopBuilder, source: _Source, value: SSAValue) -> SSAValue:
        """What is no number of the cast's range has a code that is not used: ``valid`` says so."""
        valid, code = emit_category(b, value, self.cast)
        limit = self._number(b, "limit", self.ranks.source_limit.array[self.group.sources], source.at)
        known = b.minimum(b.add(code, FIRST_CATEGORY), limit)
        return b.select(valid, known, b.constant(INVALID))

    def _search(self, b: LoopBuilder, source: _Source, value: SSAValue) -> SSAValue:
        """How many cuts are not above the value: on each level one compare with the pivots of the part found so far."""
        found = b.constant(0)
        lanes = VectorType(self.type, [PIVOTS])
        for level in range(self.group.levels):
            pivots = source.pivots
            if level or pivots is None:
                pivots = self._pivots(b, level, source.at, b.mul(found, PIVOTS))
            not_above = b.compare(CompareKind.OLE, pivots, b.splat(value, lanes))
            count = b.cast(CastKind.ZEXT, b.popcount(b.mask_bits(not_above)), i64)
            found = b.add(b.mul(found, PIVOTS), count)
        return found

    def _pivots(self, b: LoopBuilder, level: int, at: SSAValue, first: SSAValue) -> SSAValue:
        """A vector of a level's pivots of source ``at``, from the ``first`` on."""
        table = self.levels[level]
        pivots = self._table(b, f"pivots{level}", table)
        return b.load_vector(pivots, b.add(b.mul(at, table.shape[1]), first), type_=VectorType(self.type, [PIVOTS]))


class HalvingCode(GroupCode):
    """The same ranks by a search of one number after the other: each half of what is left. The pivots of a source lie as a
    heap, those below place ``n`` at ``2n`` and ``2n + 1``; the place that is left, without its highest bit, is the rank."""

    def __init__(self, ranks: RanksOp, forest: Forest, tables: Tables, group: _Group) -> None:
        super().__init__(ranks, forest, tables, group)
        offset = ranks.cut_offset.array
        cuts = [ranks.cuts.array[offset[source] : offset[source + 1]] for source in group.sources]
        self.depth = max((len(own) for own in cuts), default=0).bit_length()
        self.heap = heap_tables(cuts, self.depth)

    def _first_pivots(self, b: LoopBuilder, at: SSAValue) -> SSAValue | None:
        return None

    def _search(self, b: LoopBuilder, source: _Source, value: SSAValue) -> SSAValue:
        if self.group.levels <= 0:
            return b.constant(0)
        heap, first = self._table(b, "heap", self.heap), b.mul(source.at, 1 << self.depth)
        place = b.constant(1)
        for _ in range(self.depth):
            not_above = b.compare(CompareKind.OLE, b.load(heap, b.add(first, place)), value)
            place = b.add(b.add(place, place), b.cast(CastKind.ZEXT, not_above, i64))
        return b.sub(place, 1 << self.depth)

"""The walk over tiled trees: all nodes of a tile are asked at once, and their answers together say where to go on.

A walk's state is the position of its tile and the exit that it takes there. A walk that has its leaf asks its last tile
again, and gets the same answer: so it stays where it is, and walks side by side need no mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from xdsl.dialects.builtin import DictionaryAttr, VectorType, i8, i16, i32, i64
from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast, Missing, Test
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.predicate import (
    CategorySets,
    PredicateKind,
    Question,
    RankQuestion,
    emit_predicate,
    emit_ranked_predicate,
)
from treec.passes.loop.tables import RecordReader, Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, bit_width, vector_like
from treec.treeir.plan import BitFieldAttr, WalkOp
from treec.treeir.tiles import TiledTreesOp


@dataclass(frozen=True)
class _State:
    """``tile``: position, i64, and the exit taken there, i64; ``base``: position of the tree's first tile."""

    tile: SSAValue
    exit: SSAValue
    base: SSAValue


class TileWalk:
    """Emits walks over one ``plan.tiled_trees``; the counterpart of `ScalarWalk`. ``depth`` counts tiles.

    Straight code takes the first ``peel`` steps, or all with ``unroll``; then a loop steps until every walk has its leaf.
    """

    leaf_values = None

    def __init__(
        self, walk: WalkOp, trees: TiledTreesOp, tables: Tables, category_cast: CategoryCast, depth: Depth
    ) -> None:
        self.trees = trees
        self.size, self.lanes = trees.size.value.data, trees.lanes
        self.tables = tables
        self.depth = depth
        self.category_cast = category_cast
        self.peel = 0 if walk.peel is None else walk.peel.value.data
        self.unroll = walk.unroll is not None
        self.kinds = [PredicateKind(Test(t), Missing(m), bool(invalid)) for t, m, invalid in trees.kinds.array]
        self.index = i64 if self.lanes == 1 else VectorType(i32, [self.lanes])

    def plain(self) -> TileWalk:
        """The same walk without straight code."""
        other = copy(self)
        other.peel, other.unroll = 0, False
        return other

    def at_depth(self, depth: Depth) -> TileWalk:
        """The same walk for trees of another depth."""
        other = copy(self)
        other.depth = depth
        return other

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one tile after the other."""
        starts = [self.tables.number(b, "tile_base", self.trees.base, visit.tree) for visit in visits]
        states = [_State(start, b.constant(0), start) for start in starts]
        if self.depth.deepest:
            states = self._descend(b, visits, states, read)
        landed = zip(visits, states, strict=True)
        return [Landing(visit.tree, state.base, state.tile, state.exit) for visit, state in landed]

    def _descend(self, b: LoopBuilder, visits: Sequence[Visit], states: list[_State], read: ReadValue) -> list[_State]:
        """A step moves on by the exit of the step before, then asks the tile that it comes to."""
        straight = self.depth.deepest if self.unroll else min(1 + self.peel, self.depth.deepest)
        states = self._ask(b, visits, states, read)
        for step in range(1, straight):
            states = self._ask(b, visits, self._move(b, states, sure=step < self.depth.shallowest), read)
        if straight == self.depth.deepest:
            return states
        if self.depth.exact:
            return self._counted(b, visits, states, read, self.depth.deepest - straight)
        return self._loop(b, visits, states, read)

    def _counted(
        self, b: LoopBuilder, visits: Sequence[Visit], states: list[_State], read: ReadValue, n: int
    ) -> list[_State]:
        """``n`` steps in trees whose leaves are all behind as many tiles: no walk needs a test."""

        def body(t: LoopBuilder, _: SSAValue, carried: Values) -> Values:
            old = self._grouped(carried, states)
            return _flat(self._ask(t, visits, self._move(t, old, sure=True), read))

        last = b.for_(b.constant(0), b.constant(n), body, initial=_flat(states), label="step")
        return self._grouped(last, states)

    def _loop(self, b: LoopBuilder, visits: Sequence[Visit], states: list[_State], read: ReadValue) -> list[_State]:
        """Step until every walk has its leaf."""

        def body(t: LoopBuilder, values: Values) -> tuple[SSAValue, Values]:
            old = self._grouped(values, states)
            alone = len(visits) == 1
            new = self._ask(t, visits, self._move(t, old, sure=alone), read)
            return self._any_walking(t, new), _flat(new)

        flat = _flat(states)
        types = [value.type for value in flat]
        again = self._any_walking(b, states)
        return self._grouped(b.if_(again, types, lambda t: t.repeat(flat, body), lambda _: flat), states)

    def _grouped(self, values: Values, like: Sequence[_State]) -> list[_State]:
        return [_State(values[2 * at], values[2 * at + 1], state.base) for at, state in enumerate(like)]

    def _any_walking(self, b: LoopBuilder, states: Sequence[_State]) -> SSAValue:
        result: SSAValue | None = None
        for state in states:
            walking = self._walking(b, self._word(b, state.tile), state.exit)
            result = walking if result is None else b.either(result, walking)
        assert result is not None
        return result

    def _walking(self, b: LoopBuilder, word: RecordReader, exit_: SSAValue) -> SSAValue:
        """i1: does this exit lead to a tile?"""
        bit = b.both(b.binary(BinaryKind.SHR, word.number(b, "inner"), exit_), 1)
        return b.compare(CompareKind.NE, bit, 0)

    def _move(self, b: LoopBuilder, states: Sequence[_State], *, sure: bool) -> list[_State]:
        return [self._move_one(b, state, sure) for state in states]

    def _move_one(self, b: LoopBuilder, state: _State, sure: bool) -> _State:
        """To the tile behind the exit; ``sure``: there is one. Otherwise a walk that has its leaf stays."""
        word = self._word(b, state.tile)
        if self.trees.kind.data == "sparse":
            further = b.add(word.number(b, "child"), self._tiles_before(b, word, state.exit))
            to = b.add(state.tile, further)
        else:
            local = b.sub(state.tile, state.base)
            first = b.add(b.add(state.base, 1), b.mul(local, self.size + 1))
            to = b.add(first, state.exit)
        if not sure:
            to = b.select(self._walking(b, word, state.exit), to, state.tile)
        return _State(b.named("tile", to), state.exit, state.base)

    def _tiles_before(self, b: LoopBuilder, word: RecordReader, exit_: SSAValue) -> SSAValue:
        """Exits before this one that lead to tiles."""
        if self.size == 1:
            return b.both(word.number(b, "inner"), exit_)
        below = b.sub(b.binary(BinaryKind.SHL, b.constant(1), exit_), 1)
        return b.popcount(b.both(word.number(b, "inner"), below))

    def _ask(self, b: LoopBuilder, visits: Sequence[Visit], states: Sequence[_State], read: ReadValue) -> list[_State]:
        return [self._ask_one(b, visit, state, read) for visit, state in zip(visits, states, strict=True)]

    def _ask_one(self, b: LoopBuilder, visit: Visit, state: _State, read: ReadValue) -> _State:
        answers = b.named("answers", self._answers(b, visit, state.tile, read))
        if self.lanes == 1:
            taken = b.sub(b.constant(1), b.cast(CastKind.ZEXT, answers, i64))
        else:
            taken = self._exit(b, state.tile, b.named("mask", b.mask_bits(answers)))
        return _State(state.tile, b.named("exit", taken), state.base)

    def _answers(self, b: LoopBuilder, visit: Visit, tile: SSAValue, read: ReadValue) -> SSAValue:
        """i1 per lane: the nodes' answers."""
        buffer = b.table(self._tiles)
        asked = b.load_index(buffer, tile, field="asked") if self.lanes == 1 else self._wide(b, tile, "asked")
        lane = RecordReader(buffer, _bits(self.trees.lane_fields), tile, asked)
        value, kind = b.named("value", read(b, visit, lane.number(b, "feature"))), lane.number(b, "kind")
        if self.trees.ranks is not None:
            operand = b.load_index(buffer, tile, field="threshold") if self.lanes == 1 else self._wide(b, tile, "threshold")
            tests = [k.test for k in self.kinds]
            return emit_ranked_predicate(b, RankQuestion(value, operand, kind), tests, self._sets)
        question = Question(value, lane.threshold(b), lane.flag(b, "missing_left"), kind)
        return emit_predicate(b, question, self.kinds, self._sets)

    def _wide(self, b: LoopBuilder, tile: SSAValue, field: str) -> SSAValue:
        """A vector of small unsigned numbers of a record, as i32."""
        return b.cast(CastKind.ZEXT, b.load(b.table(self._tiles), tile, field=field), self.index)

    def _exit(self, b: LoopBuilder, tile: SSAValue, mask: SSAValue) -> SSAValue:
        """The exit that the answers lead to, i64."""
        shape = self._word(b, tile).number(b, "shape")
        if self.trees.lookup is not None:
            table = b.table(self.tables.of("tile_exit", self.trees.lookup))
            index = mask if bit_width(mask.type) == 64 else b.cast(CastKind.ZEXT, mask, i64)
            index = index if self.size == self.lanes else b.both(index, (1 << self.size) - 1)
            return b.load_index(table, b.either(b.binary(BinaryKind.SHL, shape, self.size), index))
        return self._fitting_exit(b, shape, mask)

    def _fitting_exit(self, b: LoopBuilder, shape: SSAValue, mask: SSAValue) -> SSAValue:
        """The first exit whose way fits the answers, or the one behind them all."""
        assert self.trees.ways is not None
        table = b.table(self.tables.of("tile_ways", self.trees.ways))
        care, want = (b.load(table, shape, field=field) for field in ("care", "want"))
        lane_type = i8 if self.size <= 8 else i16
        mask = mask if bit_width(mask.type) == bit_width(lane_type) else b.cast(CastKind.TRUNC, mask, lane_type)
        fits = b.compare(CompareKind.EQ, b.both(b.splat(mask, vector_like(care.type, lane_type)), care), want)
        bits = b.either(b.cast(CastKind.ZEXT, b.mask_bits(fits), i64), 1 << self.lanes)
        below = b.both(b.binary(BinaryKind.XOR, bits, b.constant(-1)), b.sub(bits, 1))
        return b.popcount(below)  # of the bits below the lowest: how many there are

    @property
    def _tiles(self) -> TableOp:
        return self.tables.of("tiles", self.trees.tiles)

    def _word(self, b: LoopBuilder, tile: SSAValue) -> RecordReader:
        return RecordReader.at(b, self._tiles, self.trees.fields, tile)

    def _sets(self, b: LoopBuilder) -> CategorySets:
        offset = b.table(self.tables.of("set_offset", self.trees.set_offset))
        words = b.table(self.tables.of("set_words", self.trees.set_words))
        return CategorySets(offset, words, self.category_cast)

    def _slot(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """Number of the leaf among the slots of leaves."""
        tile, exit_ = landing.position, landing.lefts
        first = b.load_index(b.table(self.tables.of("tile_leaf", self.trees.leaf_base)), tile)
        return b.named("leaf", b.sub(b.add(first, exit_), self._tiles_before(b, self._word(b, tile), exit_)))

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        return b.load_index(b.table(self.tables.of("leaf_row", self.trees.leaf_row)), self._slot(b, landing))

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        return b.load_index(b.table(self.tables.of("leaf_id", self.trees.leaf_id)), self._slot(b, landing))

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        if self.trees.column is None:
            return b.constant(0)
        return self.tables.number(b, "tree_column", self.trees.column, tree)


def _bits(fields: DictionaryAttr) -> dict[str, BitFieldAttr]:
    return {name: field for name, field in fields.data.items() if isinstance(field, BitFieldAttr)}


def _flat(states: Sequence[_State]) -> Values:
    return [value for state in states for value in (state.tile, state.exit)]

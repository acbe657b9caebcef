"""Trees that are stored in another order than they are numbered: which of them a call asks for, and sums by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from treec.frontends.base import Forest, Trees
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import CastKind, CompareKind


@dataclass(frozen=True)
class Chosen:
    """The stored trees that a call asks for: i32 places in a buffer, in their stored order. ``cuts``: how many of them
    are before each boundary of the loop's parts (or before the first and the last tree)."""

    places: SSAValue
    cuts: Sequence[SSAValue]
    before: SSAValue | None = None
    """i32 [trees + 1], if asked for: how many of them are before each place."""


@dataclass(frozen=True)
class TreeOrder:
    """Numbers by place, ``order`` of `treec.frontends.base.Trees`."""

    numbers: NDArray[np.unsignedinteger]
    tables: Tables

    @staticmethod
    def of(forest: Forest, tables: Tables) -> TreeOrder | None:
        """None where places are numbers."""
        if not isinstance(forest.trees, Trees) or forest.trees.order is None:
            return None
        return TreeOrder(narrow(forest.trees.order), tables)

    def number(self, b: LoopBuilder, place: SSAValue) -> SSAValue:
        """The number of the tree stored at ``place``, both i64."""
        return self.tables.number(b, "tree_number", self.numbers, place)

    def choose(
        self, b: LoopBuilder, begin: SSAValue, end: SSAValue, cuts: Sequence[int] | None, *, count: bool = False
    ) -> Chosen:
        """The trees of numbers ``begin`` to ``end``, by one pass over all of them at the head of a stage.
        ``count``: note how many there are before each place."""
        n = len(self.numbers)
        places = b.alloc([n], i32)
        before = b.alloc([n + 1], i32) if count else None

        def one(t: LoopBuilder, place: SSAValue, carried: Values) -> Values:
            if before is not None:
                t.store(t.cast(CastKind.TRUNC, carried[0], i32), before, place)
            t.store(t.cast(CastKind.TRUNC, place, i32), places, carried[0])
            number = self.number(t, place)
            inside = t.both(t.compare(CompareKind.SLE, begin, number), t.compare(CompareKind.SLT, number, end))
            return [t.add(carried[0], t.cast(CastKind.ZEXT, inside, place.type))]

        counts = [b.constant(0)]
        for first, last in pairwise([0, n] if cuts is None else cuts):
            counts += b.for_(b.constant(first), b.constant(last), one, initial=[counts[-1]], label="place")
        if before is not None:
            b.store(b.cast(CastKind.TRUNC, counts[-1], i32), before, b.constant(n))
        return Chosen(places, counts, before)

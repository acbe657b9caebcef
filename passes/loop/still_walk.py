"""What walks have in common whose state is a position, and whose leaves hold them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Self

from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import Depth, ReadValue, Visit
from treec.treeir.loop_types import CompareKind
from treec.treeir.plan import WalkOp


class StillWalk(ABC):
    """Straight code takes the first ``peel`` steps, or all with ``unroll``."""

    def __init__(self, walk: WalkOp, tables: Tables, category_cast: CategoryCast, depth: Depth) -> None:
        self.tables = tables
        self.depth = depth
        self.category_cast = category_cast
        self.peel = 0 if walk.peel is None else walk.peel.value.data
        self.unroll = walk.unroll is not None

    def plain(self) -> Self:
        """The same walk without straight code."""
        other = copy(self)
        other.peel, other.unroll = 0, False
        return other

    def at_depth(self, depth: Depth) -> Self:
        """The same walk for trees of another depth."""
        other = copy(self)
        other.depth = depth
        return other

    @property
    def straight(self) -> int:
        """Steps of straight code."""
        return self.depth.deepest if self.unroll else min(self.peel, self.depth.deepest)

    @abstractmethod
    def _step(self, b: LoopBuilder, visit: Visit, position: SSAValue, read: ReadValue) -> SSAValue: ...

    def _steps(self, b: LoopBuilder, visits: Sequence[Visit], at: Values, read: ReadValue) -> Values:
        return [self._step(b, visit, position, read) for visit, position in zip(visits, at, strict=True)]

    def _until_still(self, b: LoopBuilder, visits: Sequence[Visit], at: Values, read: ReadValue) -> Values:
        """Steps until no walk moves."""

        def once(t: LoopBuilder, old: Values) -> tuple[SSAValue, Values]:
            new = self._steps(t, visits, old, read)
            moved = [t.compare(CompareKind.NE, before, now) for before, now in zip(old, new, strict=True)]
            again = moved[0]
            for other in moved[1:]:
                again = t.either(again, other)
            return again, new

        return b.repeat(at, once)

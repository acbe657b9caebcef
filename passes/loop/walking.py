"""What all walks have in common: whom they serve, what they are told, and what they leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray
from xdsl.ir import SSAValue

from treec.passes.loop.builder import LoopBuilder

ReadColumn = Callable[[LoopBuilder, SSAValue], SSAValue]
"""Column (i64) → the row's value there, in the dtype of thresholds; or view (i64) → its rank (i64)."""

ReadValue = Callable[[LoopBuilder, "Visit", SSAValue], SSAValue]
"""The same for the row of a visit."""


@dataclass(frozen=True)
class Visit:
    """A row (i64) that looks for its leaf in a tree (i64)."""

    row: SSAValue
    tree: SSAValue


@dataclass(frozen=True)
class Depth:
    """Depth of the shallowest and the deepest leaf of the trees that a walk may meet."""

    shallowest: int
    deepest: int

    @property
    def exact(self) -> bool:
        """All trees are full: the right child of a node at depth d is ``2 ** (deepest - d - 1)`` nodes on."""
        return self.shallowest == self.deepest


@dataclass(frozen=True)
class Landing:
    """Where a walk ended: ``position`` in the nodes' numbering (where the next node would be), after ``lefts`` left turns,
    in the tree whose first node is ``base``; all i64."""

    tree: SSAValue
    base: SSAValue
    position: SSAValue
    lefts: SSAValue
    value: SSAValue | None = None
    """What the leaf adds, in the sum's dtype and times the tree's weight, where the walk itself knows it."""

    def leaf(self, b: LoopBuilder) -> SSAValue:
        """Number of the leaf among all leaves: every tree before has one leaf more than nodes."""
        return b.named("leaf", b.sub(b.add(self.position, self.tree), self.lefts))


class TreeWalk(Protocol):
    """Code for walks over one form of trees: what a nest needs of it."""

    @property
    def leaf_values(self) -> NDArray[Any] | None:
        """Single values of leaves by their position, where they lie so; else they are found by `leaf_row`."""
        ...

    def plain(self) -> TreeWalk:
        """The same walk without straight code: a fraction of the machine code, for leaf ids, which are rarely asked for in
        bulk."""
        ...

    def at_depth(self, depth: Depth) -> TreeWalk:
        """The same walk for trees of another depth."""
        ...

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one step after the other."""
        ...

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        ...

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        ...

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        ...

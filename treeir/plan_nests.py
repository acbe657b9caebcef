"""What nests of loops are refused, however they came about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import LoopKind
from treec.treeir.plan_loops import ForOp
from treec.treeir.plan_walk import LoopAxis, WalkOp


def verify_nest(loops: list[ForOp]) -> None:
    seen: dict[str, ForOp] = {}
    covered: set[tuple[LoopAxis, str | None]] = set()
    for loop in loops:
        label, axis = loop.label.data, loop.axis.data
        of = None if loop.of is None else loop.of.data
        if label in seen:
            raise VerifyException(f"two loops are named {label!r}")
        if of is not None and (of not in seen or seen[of].axis.data is not axis):
            raise VerifyException(f"loop {label!r} is not inside the loop {of!r} that it divides")
        if (axis, of) in covered:
            raise VerifyException(f"two loops cover the same range as {label!r}")
        is_apart = axis is LoopAxis.ROW or loop.reduce is not None
        if loop.kind.data is LoopKind.PARALLEL and not (loop is loops[0] and is_apart):
            raise VerifyException(f"the parallel loop {label!r} is not the outermost one, over rows or reduced")
        has_inner = any(inner.of is not None and inner.of.data == label for inner in loops)
        if loop.reduce is not None and of is None and not has_inner:
            raise VerifyException(f"the reduced loop {label!r} has no loop over the trees of one step")
        covered.add((axis, of))
        seen[label] = loop
    for axis in LoopAxis:
        chain = [loop for loop in loops if loop.axis.data is axis]
        parents = [None, *(loop.label.data for loop in chain[:-1])]
        if not chain or [None if c.of is None else c.of.data for c in chain] != parents:
            raise VerifyException(f"the {axis.value} loops do not divide one another down to single steps")
        if chain[-1].step.value.data != 1:
            raise VerifyException(f"the innermost {axis.value} loop steps by more than 1")


def verify_vectors(loops: list[ForOp], walk: WalkOp) -> None:
    for loop in loops:
        if loop.kind.data is LoopKind.VECTOR and (loop is not loops[-1] or loop.axis.data is not LoopAxis.ROW):
            raise VerifyException(f"the vector loop {loop.label.data!r} is not the innermost one over rows")
    vector = bool(loops) and loops[-1].kind.data is LoopKind.VECTOR
    if walk.strategy is not None and (walk.strategy.data == "lanes") != vector:
        raise VerifyException("a walk of lanes, and no other, stands in a vector loop")


def blocks_share_trees(loops: Sequence[ForOp]) -> bool:
    """Have the blocks of a GPU groups of trees? Then their loop is the outermost."""
    return bool(loops) and loops[0].kind.data is LoopKind.GRID and loops[0].axis.data is LoopAxis.TREE


def node_loops(loops: Sequence[ForOp]) -> list[ForOp]:
    """The loops at which nodes may be copied: the only one that blocks share, or theirs over groups of trees."""
    grid = [loop for loop in loops if loop.kind.data is LoopKind.GRID]
    return grid[:1] if len(grid) == 1 or blocks_share_trees(loops) else []


def verify_bound(loops: list[ForOp], walk: WalkOp) -> None:
    """Loops that a GPU runs at the same time: over rows, one for each dimension, blocks outside of threads, outside of
    trees but for the innermost one of rows whose predicates are bits; one that threads share over trees; and one over
    groups of trees, outside of all others, that blocks share."""
    taken: dict[tuple[LoopKind, str], str] = {}
    for at, loop in enumerate(loops):
        if loop.dimension is None:
            continue
        label, place = loop.label.data, (loop.kind.data, loop.dimension.data)
        if place in taken:
            raise VerifyException(f"loops {taken[place]!r} and {label!r} are both bound to {'.'.join(place)}")
        taken[place] = label
        shares_bits = walk.predicates is not None and loop is loops[-1] and loop.kind.data is LoopKind.BLOCK
        outside = loops[at : at + 1] if shares_bits else loops[1 if blocks_share_trees(loops) else 0 : at + 1]
        if loop.kind.data is LoopKind.BLOCK and loop.axis.data is LoopAxis.TREE:
            _verify_lane(loops, at)
        elif any(outer.axis.data is LoopAxis.TREE for outer in outside):
            raise VerifyException(f"the bound loop {label!r} is over trees, or inside of a loop over trees")
        if loop.kind.data is LoopKind.BLOCK and loop.of is None:
            raise VerifyException(f"threads share the loop {label!r}, which has no bound")
        if loop.kind.data is LoopKind.GRID and any(not outer.kind.data.on_gpu for outer in loops[:at]):
            raise VerifyException(f"the grid loop {label!r} is inside of a serial one")
        if loop.kind.data is LoopKind.GRID and any(outer.kind.data is LoopKind.BLOCK for outer in loops[:at]):
            raise VerifyException(f"the grid loop {label!r} is inside of a block loop")
        if loop.unroll is not None:
            raise VerifyException(f"the bound loop {label!r} is unrolled")


def _verify_lane(loops: list[ForOp], at: int) -> None:
    """Threads share the single trees of each step of the loop over all trees, with no other loop between the two."""
    lane, around = loops[at], loops[at - 1] if at else None
    if lane.of is None or around is None or around.label != lane.of or around.of is not None or lane.step.value.data != 1:
        reason = "is not over single trees, right inside of the loop over all of them"
        raise VerifyException(f"threads share the trees of {lane.label.data!r}, which {reason}")


def verify_row_block(loops: list[ForOp], label: str, done: str) -> None:
    for loop in loops:
        if loop.axis.data is LoopAxis.TREE:
            raise VerifyException(f"rows are {done} at {label!r}, which is no row loop outside of all tree loops")
        if loop.label.data == label:
            return


def verify_known_trees(loops: list[ForOp]) -> None:
    parts = next((loop.parts for loop in loops if loop.parts is not None), None)
    if parts is None or np.any(np.diff(parts.array) > 1):
        raise VerifyException("a walk of branches is for trees that are known: a loop over trees whose parts are one each")


def verify_sliced_nest(loops: list[ForOp], walk: WalkOp) -> None:
    axes = [loop.axis.data for loop in loops]
    n_above = axes.index(LoopAxis.TREE)
    if n_above == 0 or axes[n_above:].count(LoopAxis.ROW) != 1 or axes[-1] is not LoopAxis.ROW:
        raise VerifyException("a bitslice walk has a loop over blocks of rows, then loops over trees, then one over rows")
    if walk.ranks_at is None or loops[n_above - 1].label.data != walk.ranks_at.data:
        raise VerifyException("a bitslice walk has its rows ranked in the loop right outside of the trees")

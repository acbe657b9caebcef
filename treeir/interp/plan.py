"""Reference interpreter of the plan dialect: runs a kernel's nest literally, on numpy scalars, one row and tree at a time.

The nest decides the order of visits, the packed tables decide where each walk goes. Meant to be obviously right, not fast:
some 50 µs per node visited.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.traits import SymbolTable

from treec.errors import InputError, UsageError
from treec.frontends.base import Forest, Trees
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.interp.branches import BranchWalk
from treec.treeir.interp.forest import encode_inputs
from treec.treeir.interp.links import finish_sum, response
from treec.treeir.interp.paths import PathWalk
from treec.treeir.interp.ranks import rank_rows
from treec.treeir.interp.reorg import ReorgWalk
from treec.treeir.interp.slices import SlicedWalk
from treec.treeir.interp.tiles import TiledWalk
from treec.treeir.interp.walks import PackedWalk, PairedWalk, ReferenceWalk, ValuePairsWalk
from treec.treeir.plan import (
    THREAD_REDUCTIONS,
    ForOp,
    KernelOp,
    LoopAxis,
    PackedTreesOp,
    PairedTreesOp,
    PathMatrixOp,
    PredicateBitsOp,
    ReorgTreesOp,
    SlicedTreesOp,
    TiledTreesOp,
    TreesOp,
    ValuePairsOp,
    kernels_of,
)
from treec.treeir.ranks import RanksOp

KernelTask = Literal["raw", "response", "leaf"]
Ranges = dict[str, tuple[int, int]]
"""Loop label → the rows (trees) of its current step."""


def run_kernel(
    module: ModuleOp, task: KernelTask, rows: NDArray[Any], trees: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Run the first kernel of a planned module that serves a call of ``len(rows)`` rows.

    ``rows`` [n, n_features], f32 or f64, any strides; ``trees`` a half-open range (default: all). Returns raw outputs or
    responses [n, K] of the sum's dtype, or the library's leaf ids i32 [n, trees]. Raises `InputError` for rows of another
    shape and `UsageError` if no kernel serves the call or its plan is not finished.
    """
    forest = forest_of(only_model(module))
    kernel = next((k for k in kernels_of(module) if len(rows) <= k.rows_max.value.data), None)
    if kernel is None:
        raise UsageError(f"no kernel is planned for {len(rows)} rows")
    begin, end = trees or (0, forest.trees.n_trees)
    if rows.dtype != np.float32 and _rounded(module, kernel, forest):
        raise InputError(f"rows are {rows.dtype}, thresholds are for float32", fix="cast them with rows.astype('float32')")
    walk = _reference_walk(module, kernel, forest)
    run = _Run(forest, walk, task, _walk_values(module, kernel, forest, rows), begin, end)
    reduced = kernel.reduced_loop()
    if reduced is not None and reduced.of is not None:
        run.share(next(loop for loop in kernel.nest() if loop.label == reduced.of).step.value.data)
    elif reduced is not None and forest.sum.reassociate:  # else leaf values are staged, and sums are exact
        run.partials = np.zeros((len(reduced.step_bounds(forest.trees.n_trees)) - 1, *run.total.shape), run.total.dtype)
    run.loop(kernel.nest(), {})
    run.add_held()
    if reduced is not None and reduced.reduce is not None:
        run.add_partials(reduced.reduce.data)
    if task == "leaf":
        return run.leaf
    with np.errstate(all="ignore"):
        raw = finish_sum(forest.sum, run.total)
    return raw if task == "raw" else response(forest, raw)


def read_inputs(forest: Forest, rows: NDArray[Any]) -> NDArray[Any]:
    """What a walk reads by its feature numbers: rows themselves in the compare dtype with missing values as NaN, or, where
    inputs have value tables, the encoded inputs."""
    if forest.inputs.table_offset is not None:
        return encode_inputs(forest, rows)
    if rows.ndim != 2 or rows.shape[1] != forest.inputs.n_features:
        raise InputError(f"rows have shape {rows.shape}, the model takes (n, {forest.inputs.n_features})")
    with np.errstate(over="ignore"):  # a value beyond float32 becomes infinite
        values = rows.astype(forest.inputs.dtype)
    values[values == forest.inputs.dtype.type(forest.inputs.missing_value)] = np.nan
    return values


def _walk_values(module: ModuleOp, kernel: KernelOp, forest: Forest, rows: NDArray[Any]) -> NDArray[Any]:
    name = kernel.innermost_walk().ranks
    if name is None:
        return read_inputs(forest, rows)
    ranks = SymbolTable.lookup_symbol(module, name)
    if not isinstance(ranks, RanksOp):
        raise UsageError(f"there are no ranks {name}")
    return rank_rows(ranks, encode_inputs(forest, rows), forest.predicates.category_cast)


@dataclass
class _Run:
    """One call: the values to walk on and the outputs so far."""

    forest: Forest
    walk: ReferenceWalk
    task: KernelTask
    values: NDArray[Any]
    tree_begin: int
    tree_end: int

    def __post_init__(self) -> None:
        rule = self.forest.sum
        numbers = self.forest.trees.order if isinstance(self.forest.trees, Trees) else None
        in_order = numbers is None or rule.reassociate
        self.held: dict[tuple[int, int], int] | None = None if in_order else {}
        self.number = np.arange(self.forest.trees.n_trees) if numbers is None else numbers
        self.chosen = np.flatnonzero((self.number >= self.tree_begin) & (self.number < self.tree_end))
        self.leaf = np.full((len(self.values), self.tree_end - self.tree_begin), -1, np.int32)
        self.partials: NDArray[Any] | None = None
        self.group = 0
        self.lanes: int | None = None
        self.total = np.zeros((len(self.values), self.forest.n_columns), rule.dtype)
        if rule.base_first:
            self.total[:] = rule.base

    def share(self, n_threads: int) -> None:
        """So many threads share the trees; each has a partial sum, unless sums are exact."""
        self.lanes = n_threads
        if self.forest.sum.reassociate:
            self.partials = np.zeros((n_threads, *self.total.shape), self.total.dtype)

    def loop(self, loops: list[ForOp], ranges: Ranges, row: int = 0, tree: int = 0) -> None:
        """Each loop covers one step of the loop it divides, or its whole axis; its last step may be shorter."""
        if not loops:
            self.visit(row, tree)
            return
        loop, *inner = loops
        if loop.reduce is not None and loop.of is None:
            self.groups(loop, inner, ranges, row)
            return
        of_rows = loop.axis.data is LoopAxis.ROW
        whole = (0, len(self.values)) if of_rows else (0, len(self.chosen))
        first, last = whole if loop.of is None else ranges[loop.of.data]
        step = loop.step.value.data
        for lower, upper in self.parts_of(loop, first, last):
            for begin in range(lower, upper, step):
                here = {loop.label.data: (begin, min(begin + step, upper))}
                self.loop(inner, ranges | here, begin if of_rows else row, tree if of_rows else begin)

    def groups(self, loop: ForOp, inner: list[ForOp], ranges: Ranges, row: int) -> None:
        """The steps of a reduced loop are places, whatever the call asks for: their trees have one partial sum."""
        bounds = np.searchsorted(self.chosen, loop.step_bounds(self.forest.trees.n_trees)).tolist()
        for self.group, (first, last) in enumerate(pairwise(bounds)):
            self.loop(inner, ranges | {loop.label.data: (first, last)}, row, first)

    def parts_of(self, loop: ForOp, first: int, last: int) -> list[tuple[int, int]]:
        """The ranges that a loop covers one after the other, within ``first`` to ``last``; they may be empty. Parts are
        of stored trees, a loop counts those that are asked for."""
        if loop.parts is None:
            return [(first, last)]
        cuts = np.searchsorted(self.chosen, loop.parts.array).clip(first, last).tolist()
        return list(pairwise(cuts))

    def visit(self, row: int, tree: int) -> None:
        """Walk one row through the tree stored as number ``tree`` of those asked for; add its leaf to the row's sum, or
        hold it until all are known where trees are stored in another order than they are added."""
        place = int(self.chosen[tree])
        landing = self.walk.walk(self.values[row], place)
        if self.task == "leaf":
            self.leaf[row, self.number[place] - self.tree_begin] = landing.leaf_id
        elif self.held is None:
            self.add(row, place, landing.leaf)
        else:
            self.held[row, place] = landing.leaf

    def add(self, row: int, place: int, leaf: int) -> None:
        """Add a leaf of the tree stored at ``place``."""
        values = self.forest.leaves.values[self.walk.leaf_row(leaf)]
        weight = self.forest.trees.weight
        column = self.walk.column(place)
        with np.errstate(all="ignore"):
            if weight is not None:
                values = values.astype(weight.dtype) * weight[place]
            group = self.group if self.lanes is None else place % self.lanes
            total = self.total if self.partials is None else self.partials[group]
            total[row, column : column + len(values)] += values.astype(self.total.dtype)

    def add_held(self) -> None:
        """Add what is held, each row's trees by number."""
        for (row, place), leaf in sorted((self.held or {}).items(), key=lambda item: self.number[item[0][1]]):
            self.add(row, place, leaf)

    def add_partials(self, how: str) -> None:
        """Add the base, if it comes first, and the partial sums."""
        if self.partials is not None and len(self.partials):
            with np.errstate(all="ignore"):
                added = add_up(self.partials, how)
                self.total = self.total + added if self.forest.sum.base_first else added


def add_up(partials: NDArray[Any], how: str) -> NDArray[Any]:
    """The sum over the first axis, of at least one, in the order of `treec.treeir.plan.REDUCTIONS`."""
    sums = list(partials)
    while how in ("staged", *THREAD_REDUCTIONS) and len(sums) > 1:
        paired = [left + right for left, right in zip(sums[::2], sums[1::2], strict=False)]
        sums = paired + sums[2 * len(paired) :]
    total = sums[0]
    for other in sums[1:]:
        total = total + other
    return total


def _rounded(module: ModuleOp, kernel: KernelOp, forest: Forest) -> bool:
    """Are thresholds rounded, so that they decide for f32 rows alone?"""
    name = kernel.innermost_walk().trees
    trees = None if name is None else SymbolTable.lookup_symbol(module, name)
    return isinstance(trees, TreesOp) and trees.threshold_dtype == np.float32 and forest.inputs.dtype != np.float32


def _reference_walk(module: ModuleOp, kernel: KernelOp, forest: Forest) -> ReferenceWalk:
    walk = kernel.innermost_walk()
    if walk.strategy is not None and walk.strategy.data == "branch" and isinstance(forest.trees, Trees):
        return BranchWalk(forest, forest.trees)
    if walk.strategy is None or walk.trees is None:
        raise UsageError(f"kernel @{kernel.sym_name.data} has no walk yet", fix="run `layout` and `walk` before")
    match SymbolTable.lookup_symbol(module, walk.trees):
        case PackedTreesOp() as packed:
            plain = PackedWalk(packed, forest)
            paths = None if walk.paths is None else SymbolTable.lookup_symbol(module, walk.paths)
            return PathWalk(paths, plain) if isinstance(paths, PathMatrixOp) else plain
        case PairedTreesOp() as paired:
            upper = None if walk.upper is None else SymbolTable.lookup_symbol(module, walk.upper)
            return PairedWalk(paired, _sliced_walk(upper, module) if isinstance(upper, SlicedTreesOp) else None)
        case ValuePairsOp() as paired:
            return ValuePairsWalk(paired, forest.predicates.category_cast)
        case ReorgTreesOp() as reorg:
            return ReorgWalk(reorg, forest.predicates.category_cast)
        case SlicedTreesOp() as sliced:
            return _sliced_walk(sliced, module)
        case TiledTreesOp() as tiled:
            return TiledWalk(tiled, forest.predicates.category_cast)
        case _:
            raise UsageError(f"there are no trees {walk.trees} that can be walked")


def _sliced_walk(sliced: SlicedTreesOp, module: ModuleOp) -> SlicedWalk:
    predicates = SymbolTable.lookup_symbol(module, sliced.predicates)
    if not isinstance(predicates, PredicateBitsOp):
        raise UsageError(f"there are no predicate bits {sliced.predicates}")
    return SlicedWalk(sliced, predicates)

"""The memory that a bitslice walk of a GPU shares among the threads of a block."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.frontends.base import Test
from treec.passes.algo.bitslice import BYTE_BITS
from treec.passes.algo.shared_bits import NIBBLE, WORD_ROWS, SharedBits
from treec.passes.plan.rank_features import tables_of
from treec.schedule.gpus import BLOCK_SHARED, GpuLimits, limits_of
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import GpuTargetOp, KernelOp, LoopAxis, target_of
from treec.treeir.ranks import RANK_TYPES, RanksOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp

SPARE = 48 << 10


def shared_bits(kernel: KernelOp, sliced: SlicedTreesOp, predicates: PredicateBitsOp, ranks: RanksOp) -> SharedBits:
    """What a kernel's walk needs."""
    nest = kernel.nest()
    block = next(loop.step.value.data for loop in nest[-2::-1] if loop.axis.data is LoopAxis.ROW)
    trees = [loop for loop in nest if loop.axis.data is LoopAxis.TREE]
    below = predicates.test.array == Test.LESS_EQUAL
    highest = max(int(tables_of(ranks).highest().max(initial=0)), int(predicates.operand.array[below].max(initial=0)))
    n_bits = np.diff(sliced.bit_offset.array).max(initial=0)
    return SharedBits(
        n_words=-(-block // WORD_ROWS),
        n_predicates=predicates.n_predicates,
        n_views=max(1, ranks.n_views),
        rank_bytes=np.dtype(RANK_TYPES[ranks.to.data]).itemsize,
        nibbles=max(1, -(-highest.bit_length() // NIBBLE)) if below.any() else 0,
        code_bytes=1 if n_bits <= BYTE_BITS else 2,
        group=trees[-2].step.value.data if len(trees) > 1 else 1,
    )


def shared_most(kernel: KernelOp) -> int:
    """Bytes that a block has."""
    return _limits(kernel).shared


def shared_room(kernel: KernelOp, shape: SharedBits) -> int:
    """Bytes that a block may use where more than the least is of some use: up to `SPARE`, or as many as leave a
    multiprocessor as many blocks as the least does."""
    limits, least = _limits(kernel), shape.n_words * shape.least(shape.group)
    blocks = max(1, limits.shared_sm // (least + BLOCK_SHARED))
    return min(limits.shared, max(SPARE, limits.shared_sm // blocks - BLOCK_SHARED))


def _limits(kernel: KernelOp) -> GpuLimits:
    module = kernel.parent_op()
    target = target_of(module) if isinstance(module, ModuleOp) else None
    return limits_of(target.archs if isinstance(target, GpuTargetOp) else ("sm_90",))


def require_shared_nest(kernel: KernelOp, module: ModuleOp) -> None:
    """Refuse a nest, or a model, that a bitslice walk of a GPU can't serve."""
    nest, walk = kernel.nest(), kernel.innermost_walk()
    for loop in nest:
        if loop.axis.data is LoopAxis.TREE and loop.parts is not None:
            raise ScheduleError(
                f"`{loop.label.data}` is cut into parts, and trees of all depths are met together",
                fix="leave `fission` and `specialize` out",
            )
        if loop.reduce is not None:
            raise ScheduleError(f"`{loop.label.data}` is reduced, which is for walks", fix="leave `reduce` out")
    if len(nest) > 1 and nest[-2].unroll is not None and nest[-2].of is not None:
        raise ScheduleError(
            f"threads share the trees of `{nest[-2].label.data}`, and it is unrolled",
            fix=f"leave `unroll {nest[-2].label.data}` out",
        )
    if nest[-1].kind.data is not LoopKind.BLOCK:
        raise ScheduleError(
            f"the threads of a block share its rows, and `{nest[-1].label.data}` is not bound to them",
            fix=f"write `bind {nest[-1].label.data} block.x`",
        )
    sliced = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
    predicates = None if walk.predicates is None else SymbolTable.lookup_symbol(module, walk.predicates)
    ranks = None if walk.ranks is None else SymbolTable.lookup_symbol(module, walk.ranks)
    if (
        not isinstance(sliced, SlicedTreesOp)
        or not isinstance(predicates, PredicateBitsOp)
        or not isinstance(ranks, RanksOp)
    ):
        raise ScheduleError("a bitslice walk reads bits of predicates", fix="put `predicates at=…` before it")
    shape, most = shared_bits(kernel, sliced, predicates, ranks), shared_most(kernel)
    fix = shape.lack(most)
    if fix is not None:
        size = shape.n_words * shape.least(shape.group)
        raise ScheduleError(
            f"the bits of {shape.n_predicates} predicates for {shape.n_words * WORD_ROWS} rows, with ranks or the codes of "
            f"{shape.group} trees, are {size} bytes, {size - most} more than the {most} bytes of shared memory of a block",
            fix=fix,
        )

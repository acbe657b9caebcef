"""The schedule treec picks for a GPU when none is given: a small estimate from the model's shape and the GPU's limits.

A thread has a row and walks it down all trees, `TOGETHER` at a time. Open are whether a block first copies its rows to
shared memory, how the copy lies, and how many threads a block has. Counted are the cycles in which a multiprocessor's load
unit serves one instruction of a warp:

- without the copy each step loads a value from rows that lie apart: a cache line for each thread, `APART` cycles;
- with one by row, a value from shared memory: `BANKS` cycles, as that many of 32 threads want the same bank at worst, on
  average over random columns; and once per row and column `COPY_ROW` cycles for the copy, whose reads are neighbours;
- with one by column, one cycle, for each thread has a bank of its own; and once per row and column `COPY_COLUMN` cycles:
  four rows are read together, and stores of eight values of a row want the same bank.

The copy is made where that takes fewer cycles and a multiprocessor still has `FEWEST` threads at work: nodes come from
caches, and as many loads must be under way as hide their delay. Blocks have the number of threads of which most fit.
Calls of fewer rows than `FEW` for each multiprocessor have a kernel of their own, for a thread for each row would leave
most of the GPU idle: some threads share the trees of a row, in blocks of `FEW_BLOCK` rows; sums stay exact. How many
share them, and how many trees each walks together, is what takes the least time in rounds over the trees: a step waits for
two loads, and each round ends with additions in the order of the trees (`_round_cycles`).
Nodes are pairs where all tables then stay in half of the second-level cache, for a step has half of the instructions that
packed nodes take; else packed, in words of 8 bytes or as few as may be. Trees of equal depth are walked by straight code.
No number here has been measured on a GPU: they follow from how GPUs serve loads, and from the machine code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treec.codegen.gpu_abi import STATIC_SHARED
from treec.default.schedule import Choice, packed_bytes
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import walk_columns
from treec.passes.algo.pairs import pair_values, value_pair_bytes
from treec.passes.algo.shared_rows import shared_shape
from treec.schedule.gpus import BLOCK_SHARED, GpuLimits, limits_of
from treec.schedule.schedule import Schedule

APART = 16
BANKS = 4
COPY_ROW = 4
COPY_COLUMN = 12
FEWEST = 256
THREADS = (128, 256, 64, 32)
"""Threads of a block, in the order in which equal ones are preferred: small blocks leave less idle at their end."""
TOGETHER = 4
FEW = 128
LANES = range(8, 65)
FEW_BLOCK = 4
FEW_TOGETHER = (1, 2, 3, 4)
STEP_WAIT, STEP_TURN, BARRIERS, ADDITION = 100, 12, 60, 8
"""Cycles of a step's loads, of a further walk beside it, of what ends a round, and of one addition there."""
PEEL = 2
STRAIGHT = 10
"""Levels that all walks take in straight code, where all trees have as many."""


@dataclass(frozen=True)
class _Block:
    """Threads of a block, and of a multiprocessor."""

    threads: int
    resident: int


def default_gpu_schedule(forest: Forest, arch: str, *also: str) -> Choice:
    """Pick blocks, copies and layout for this forest on this architecture, and others that the code is also for."""
    limits, reasons = limits_of((arch, *also)), list[str]()
    steps = _steps(forest)
    layout = _layout(forest, limits, reasons)
    block, copied = _block(forest, limits, steps, " and ".join((arch, *also)), reasons)
    lines = [
        f"target gpu arch={arch}" + (f" also=({', '.join(also)})" if also else ""),
        *layout,
        *_few_rows(forest, limits, copied is not None, reasons),
        f"split row into=(block, thread) by={block.threads}",
        "bind block grid.x",
        "bind thread block.x",
        "order block, thread, tree",
        *([] if copied is None else [f"cache rows at=block layout={copied} in=shared"]),
        _walk(forest, steps, reasons, pairs=layout[-1].startswith("layout pairs")),
    ]
    return Choice(Schedule.from_text("\n".join(lines), "<default>"), tuple(reasons))


def _steps(forest: Forest) -> float:
    """Steps of a row down all trees, about."""
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return 0.0
    shallowest, deepest = leaf_depths(forest.trees)
    return float((shallowest + deepest).sum()) / 2


def _block(forest: Forest, limits: GpuLimits, steps: float, arch: str, reasons: list[str]) -> tuple[_Block, str | None]:
    """The threads of a block, and how it copies its rows, by row or by column, if it does."""
    inputs = forest.inputs
    plain = _fullest(limits, 0)
    without = steps * APART
    by_row, by_column = steps * BANKS + inputs.n_inputs * COPY_ROW, steps + inputs.n_inputs * COPY_COLUMN
    with_copy, how = min((by_column, "column"), (by_row, "row"))
    row = shared_shape(1, inputs.n_features, by_column=how == "column")[how == "row"] * inputs.dtype.itemsize
    shared = _fullest(limits, row)
    estimate = (
        f"{with_copy:,.0f} cycles of loads for 32 rows with a copy by {how} in shared memory, "
        f"{max(by_row, by_column):,.0f} by {'row' if how == 'column' else 'column'}, {without:,.0f} without"
    )
    if inputs.table_offset is not None:
        reasons.append("rows are read from memory: inputs are looked up in value tables, which copies them already")
    elif with_copy >= without:
        reasons.append(f"rows are read from memory: {estimate}")
    elif shared is None or shared.resident < FEWEST:
        room = 0 if shared is None else shared.resident
        reasons.append(
            f"rows are read from memory: of {row:,} bytes each, {room} would fit into the {limits.shared_sm >> 10} KiB "
            f"of shared memory of {arch}, and {FEWEST} threads are needed to hide the delay of loads"
        )
    else:
        reasons.append(f"blocks copy their rows: {estimate}")
        reasons.append(
            f"{shared.threads} threads a block, {row * shared.threads:,} bytes of shared memory: {shared.resident:,} of "
            f"{limits.threads_sm:,} threads on each multiprocessor"
        )
        return shared, how
    assert plain is not None
    reasons.append(f"{plain.threads} threads a block: up to {plain.resident:,} on each multiprocessor")
    return plain, None


def _fullest(limits: GpuLimits, row_bytes: int) -> _Block | None:
    """The block of which most threads fit on a multiprocessor; None where none fits. Of equal ones, one that any GPU has
    room for: more than `STATIC_SHARED` is NVIDIA's alone."""
    found: list[tuple[int, bool, _Block]] = []
    for threads in THREADS:
        size = threads * row_bytes
        if size > limits.shared:
            continue
        blocks = min(limits.blocks_sm, limits.threads_sm // threads, limits.shared_sm // (size + BLOCK_SHARED))
        found.append((blocks * threads, size <= STATIC_SHARED, _Block(threads, blocks * threads)))
    return max(found, key=lambda block: block[:2])[2] if found else None


def _few_rows(forest: Forest, limits: GpuLimits, copied: bool, reasons: list[str]) -> list[str]:
    """A kernel for calls that would leave most of the GPU idle: threads share the trees of a row."""
    n_trees, steps = forest.trees.n_trees, _steps(forest) / max(1, forest.trees.n_trees)
    if n_trees < 2 * LANES[0] or forest.inputs.table_offset is not None:
        return []
    candidates = ((lanes, together) for lanes in LANES for together in FEW_TOGETHER if lanes * together <= n_trees)
    lanes, together = min(candidates, key=lambda shape: _round_cycles(n_trees, steps, *shape))
    values = lanes * together * forest.leaf_width + forest.n_columns
    row = shared_shape(1, forest.inputs.n_features, by_column=False)[1] * forest.inputs.dtype.itemsize if copied else 0
    if FEW_BLOCK * (values * forest.sum.dtype.itemsize + row) + 3 * BLOCK_SHARED > limits.shared:
        return []
    rows = limits.sms * FEW
    reasons.append(
        f"calls of up to {rows:,} rows, {FEW} for each of {limits.sms} multiprocessors: {lanes} threads share the trees of "
        f"a row, {together} at a time, whose values are added in the trees' order"
    )
    return [
        f"kernel when rows <= {rows} {{",
        f"  split row into=(block, thread) by={FEW_BLOCK}",
        f"  split tree into=(round, lane) by={lanes}",
        "  order block, thread, round, lane",
        "  bind block grid.x",
        "  bind thread block.x",
        "  bind lane block.y",
        "  reduce lane in=shared",
        *(["  cache rows at=block in=shared"] if copied else []),
        f"  walk with=scalar interleave=tree:{together} peel={PEEL}" if together > 1 else f"  walk with=scalar peel={PEEL}",
        "}",
    ]


def _round_cycles(n_trees: int, steps: float, lanes: int, together: int) -> float:
    """Of a block, about, for all trees of ``steps`` levels: whole rounds, in which each thread walks some trees together,
    then rounds of one tree for each thread."""
    whole, rest = divmod(n_trees, lanes * together)
    turn = STEP_TURN * -(-lanes * FEW_BLOCK // 128)  # warps of a block on each of four schedulers
    in_rounds = whole * (steps * (STEP_WAIT + together * turn) + BARRIERS)
    return in_rounds + -(-rest // lanes) * (steps * (STEP_WAIT + turn) + BARRIERS) + n_trees * ADDITION


def _layout(forest: Forest, limits: GpuLimits, reasons: list[str]) -> list[str]:
    """Pairs while those fit, else one or two words a node, else few bytes."""
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return ["layout packed align=8"]
    nodes, half = forest.trees.n_nodes, limits.l2 // 2
    paired = pair_values(forest.predicates, walk_columns(forest.inputs), forest.trees, align=8)
    size = value_pair_bytes(paired, forest.leaves.values) + forest.predicates.set_words.nbytes
    if size <= half:
        reasons.append(
            f"nodes in pairs: {size / nodes:.1f} bytes per inner node, leaves included; all {size / 2**20:,.1f} MiB fit "
            f"into half of {limits.l2 >> 20} MiB of second-level cache"
        )
        return ["layout pairs align=8"]
    leaf_bytes = forest.leaves.values.nbytes + forest.predicates.set_words.nbytes
    sizes: dict[tuple[str, int], int] = {}
    for predicates, align in (("inline", 8), ("inline", 4), ("inline", 1), ("table", 4), ("table", 1)):
        sizes[predicates, align] = packed_bytes(forest, forest.trees, predicates == "table", align) + leaf_bytes
        if sizes[predicates, align] <= half:
            break
    (predicates, align), size = min(sizes.items(), key=lambda item: item[1])
    fits = "fit" if size <= half else "do not fit"
    reasons.append(
        f"packed nodes, predicates={predicates} align={align}: {size / nodes:.1f} bytes per inner node, leaves included; "
        f"all {size / 2**20:,.1f} MiB {fits} into half of {limits.l2 >> 20} MiB of second-level cache"
    )
    sharing = ["share predicates"] if predicates == "table" else []
    return [*sharing, f"layout packed predicates={predicates} align={align}"]


def _walk(forest: Forest, steps: float, reasons: list[str], *, pairs: bool) -> str:
    """Trees are walked together; the steps that half of them are sure to need are straight code, or all."""
    if not isinstance(forest.trees, Trees) or steps == 0:
        return "walk with=scalar"
    shallowest, deepest = leaf_depths(forest.trees)
    together = min(TOGETHER, forest.trees.n_trees)
    if pairs and deepest.min() == deepest.max() <= STRAIGHT:
        reasons.append(
            f"a row goes down {together} trees together: their loads overlap; {deepest[0]} steps of straight code"
        )
        return f"walk with=scalar interleave=tree:{together} unroll=full"
    peel = min(PEEL, int(np.median(deepest if pairs else shallowest)))
    straight = f"; {peel} steps of straight code before the others" if peel else ""
    reasons.append(f"a row goes down {together} trees together: their loads overlap{straight}")
    return f"walk with=scalar interleave=tree:{together} peel={peel}"

"""The schedule treec picks when none is given, from the model's shape. A small, documented choice, not a search.

Rows go in blocks through one tree after the other: `treec.default.blocks` estimates how many rows pay for bringing a tree
to the core. Where a row meets many nodes its values become ranks first, and trees are laid out in pairs, if the tables then
take at most 24 bytes per inner node (256 KiB are always allowed); at most 40 where more than small calls are walked, for
pairs take some 40 % of the time. Otherwise the layout is the first of a short list, fastest first, that takes at most 16;
if none does, it is the smallest of them. Calls of a few rows walk down several trees together instead of several rows: a
step waits for the one before it, and one row has no other walk in the same tree. `treec.default.small` says up to how many
rows a model is walked whose batches are bitsliced, `treec.default.slice` which walks start below levels that are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from treec.default.bitslice import bitslice_pays
from treec.default.blocks import LEAST_ROWS, MOST_ROWS, STEP_PACKED, STEP_PAIRS, block_rows
from treec.default.machine import Machine, machine_of
from treec.default.slice import slice_pays
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import narrow, pack_trees, walk_columns
from treec.passes.algo.pairs import pair_trees, paired_bytes
from treec.passes.algo.ranks import rank_tables
from treec.passes.algo.share import share_leaf_rows, share_predicates
from treec.schedule.schedule import Schedule

BYTES_PER_NODE = 16
BYTES_PER_PAIRED_NODE = 24
SMALL_TABLES = 256 << 10
"""Bytes of tables that are small whatever they are per node."""
BYTES_PER_WALKED_NODE = 40
"""Where calls of more than `FEW_ROWS` are walked, the fastest layout may take more."""
FEW_ROWS = 128
INTERLEAVE_PAIRS = 8
INTERLEAVE_PACKED = 4
"""Eight are a few percent faster on packed nodes too, and cost LLVM a third more time."""
PEEL = 4
TREES_TOGETHER = 8
"""In calls of fewer rows than walk together, where there are trees enough for it."""
TREES_TOGETHER_OF_SETS = 4
"""Eight steps that look sets up take LLVM a second more, and calls a tenth less."""


@dataclass(frozen=True)
class Choice:
    """A schedule and why it was picked, one reason a line."""

    schedule: Schedule
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """Lines that go before the loops are split (the first of them for all kernels) and behind. ``size``: bytes of all
    tables; ``row_bytes``: of a row, as walks read it; ``step``: cycles."""

    sharing: list[str]
    before: list[str]
    behind: list[str]
    size: int
    row_bytes: int
    step: float
    interleave: int
    ranks: str | None = None
    """Their type, where nodes compare them."""


def default_schedule(forest: Forest, machine: Machine | None = None) -> Choice:
    """Pick layout and loops for this forest, on cores of this machine; by default this host's."""
    machine = machine or machine_of("native")
    reasons: list[str] = []
    lines: list[str] = ["target cpu"]
    share_leaves, leaf_bytes = _leaves(forest, reasons)
    if share_leaves:
        lines.append("share leaves")
    sliced = bitslice_pays(forest, machine)
    walked = MOST_ROWS if sliced is None else sliced.rows
    budget = BYTES_PER_WALKED_NODE if walked > FEW_ROWS else BYTES_PER_PAIRED_NODE
    layout = _ranked_layout(forest, leaf_bytes, budget, reasons)
    if layout is None:
        layout = _packed_layout(forest, leaf_bytes, reasons)
    upper = None
    if sliced is None and layout.ranks is not None:
        upper = slice_pays(forest, machine, layout.ranks, _block_rows(forest, layout, machine.l2_bytes))
    if upper is not None:
        walked = upper.walked
    block = _block(forest, layout, machine.l2_bytes, walked, reasons) if walked > FEW_ROWS else LEAST_ROWS
    walk = [
        *layout.before,
        f"split row into=(block, row) by={block}",
        *layout.behind,
        "order block, tree, row",
        f"walk with=scalar{_together('row', layout.interleave, forest)}",
    ]
    few = _few_rows(forest, walked, layout.interleave, reasons)
    if walked > FEW_ROWS or (walked and not few):
        _say_together(forest, layout.interleave, reasons)
    batches: list[str] = []
    if sliced is not None:
        reasons += sliced.reasons()
        batches = sliced.plan()
    elif upper is not None and layout.ranks is not None:
        reasons.append(upper.reason())
        batches = upper.plan(layout.ranks)
    if not batches:
        plan = [*walk[:-2], *few, *walk[-2:], "parallel block"]
    else:
        if few:
            few = [few[0], *(f"  {line}" for line in walk[:-2]), *few[1:]]
        if walked > FEW_ROWS or (walked and not few):
            few += [f"kernel when rows <= {walked} {{", *(f"  {line}" for line in walk), "}"]
        plan = [*few, *batches]
    return Choice(Schedule.from_text("\n".join([*lines, *layout.sharing, *plan]), "<default>"), tuple(reasons))


def _block_rows(forest: Forest, layout: _Layout, l2_bytes: int) -> int:
    """Rows of a block where all calls are walked."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0:
        return LEAST_ROWS
    shallowest, deepest = leaf_depths(trees)
    steps = float((shallowest + deepest).mean()) / 2
    return block_rows(layout.size / trees.n_trees, trees.n_trees, steps, layout.step, layout.row_bytes, l2_bytes)


def _block(forest: Forest, layout: _Layout, l2_bytes: int, walked: int, reasons: list[str]) -> int:
    """Rows of a block where calls of up to ``walked`` rows are walked."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0:
        reasons.append(f"blocks of {LEAST_ROWS} rows: there are no nodes to bring")
        return LEAST_ROWS
    of_tree = layout.size / trees.n_trees
    rows = min(_block_rows(forest, layout, l2_bytes), 1 << (walked - 1).bit_length())
    reasons.append(
        f"blocks of {rows} rows: a tree of {of_tree / 1024:,.1f} KiB comes to the core once a block, "
        f"and the block's rows ({rows * layout.row_bytes / 1024:,.0f} KiB) stay in {l2_bytes / 1024:,.0f} KiB of cache"
    )
    return rows


def _together(loop: str, count: int, forest: Forest) -> str:
    """Arguments of walks side by side: steps that half of the trees are sure to need are straight code."""
    peel = _peel(forest)
    return "" if peel is None else f" interleave={loop}:{count} peel={peel}"


def _peel(forest: Forest) -> int | None:
    """None: there are no nodes."""
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return None
    return min(PEEL, int(np.median(leaf_depths(forest.trees)[0])))


def _say_together(forest: Forest, count: int, reasons: list[str]) -> None:
    peel = _peel(forest)
    if peel is not None:
        reasons.append(f"{count} rows walk together: their loads overlap; {peel} steps before the first test for a leaf")


def _few_rows(forest: Forest, walked: int, interleave: int, reasons: list[str]) -> list[str]:
    """A kernel for calls of too few rows to walk together, in which a row goes down several trees at once. It serves all
    calls that are walked, if these are small: rows together gain a tenth there, which is not worth one more kernel."""
    trees, has_sets = forest.trees, forest.predicates.set_words.size > 0
    together = TREES_TOGETHER_OF_SETS if has_sets else TREES_TOGETHER
    rows = min(walked, interleave - 1) if walked > FEW_ROWS else walked
    if not isinstance(trees, Trees) or trees.n_nodes == 0 or trees.n_trees < 2 * TREES_TOGETHER or not rows:
        return []
    reasons.append(f"calls of fewer than {rows + 1} rows: {together} trees are walked together")
    return [
        f"kernel when rows <= {rows} {{",
        "  order block, row, tree",
        f"  walk with=scalar{_together('tree', together, forest)}",
        "}",
    ]


def _leaves(forest: Forest, reasons: list[str]) -> tuple[bool, int]:
    """Whether to share leaf rows, and the bytes that leaves then take."""
    values = forest.leaves.values
    plain = values.nbytes
    if not isinstance(forest.trees, Trees) or forest.leaves.linear is not None:
        return False, plain
    rows, leaf_row = share_leaf_rows(values, forest.trees.leaf_row)
    shared = rows.nbytes + narrow(leaf_row).nbytes
    if shared * 4 > plain * 3:
        return False, plain
    reasons.append(f"leaves shared: {len(rows):,} distinct rows of {len(leaf_row):,}, {shared / plain:.0%} of the bytes")
    return True, shared


def _ranked_layout(forest: Forest, leaf_bytes: int, most: int, reasons: list[str]) -> _Layout | None:
    """Ranks and pairs, where the search for ranks has fewer steps than the walks and the tables are small enough."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0 or forest.leaves.linear is not None:
        return None
    tables = rank_tables(forest.predicates)
    searched = sum(int(n).bit_length() for n in np.diff(tables.cut_offset))
    if int(leaf_depths(trees)[1].sum()) < searched:
        return None
    highest = int(tables.highest().max(initial=0))
    to = next((name for name, bits in (("u8", 8), ("u16", 16), ("u32", 32)) if highest < 1 << bits), None)
    if to is None:
        return None
    size = paired_bytes(pair_trees(tables, trees, align=4)) + leaf_bytes + tables.set_words.nbytes
    if size + 2 * tables.cuts.nbytes > max(SMALL_TABLES, most * trees.n_nodes):
        return None
    reasons.append(f"values become ranks of {to}: at most {highest + 1:,} a feature, and nodes of a few bytes")
    reasons.append(f"nodes in pairs: {size / trees.n_nodes:.1f} bytes per inner node, leaves included")
    behind = [f"rank features at=block to={to}", "layout pairs"]
    row_bytes = (len(tables.view_missing) + 1) * int(to[1:]) // 8
    return _Layout([], [], behind, size, row_bytes, STEP_PAIRS, INTERLEAVE_PAIRS, to)


def _packed_layout(forest: Forest, leaf_bytes: int, reasons: list[str]) -> _Layout:
    row_bytes = forest.inputs.n_inputs * forest.inputs.dtype.itemsize
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return _Layout([], ["layout packed"], [], 0, row_bytes, STEP_PACKED, INTERLEAVE_PACKED)
    budget = BYTES_PER_NODE * forest.trees.n_nodes
    other_bytes = leaf_bytes + forest.predicates.set_words.nbytes
    sizes: dict[tuple[str, int], int] = {}
    for predicates, align in (("inline", 4), ("inline", 1), ("table", 4), ("table", 1)):
        size = packed_bytes(forest, forest.trees, predicates == "table", align) + other_bytes
        sizes[predicates, align] = size
        if size <= budget:
            break
    (predicates, align), size = min(sizes.items(), key=lambda item: item[1])
    reasons.append(
        f"packed nodes, predicates={predicates} align={align}: {size / forest.trees.n_nodes:.1f} bytes per inner node, "
        "leaves included"
    )
    sharing = ["share predicates"] if predicates == "table" else []
    before = [f"layout packed predicates={predicates} align={align}"]
    return _Layout(sharing, before, [], size, row_bytes, STEP_PACKED, INTERLEAVE_PACKED)


def packed_bytes(forest: Forest, trees: Trees, with_table: bool, align: int) -> int:
    """Bytes of the tables of ``layout packed``, without leaf values."""
    predicates = forest.predicates
    if with_table:
        predicates, new_id = share_predicates(predicates)
        trees = replace(trees, predicate=new_id[trees.predicate])
    return pack_trees(predicates, trees, walk_columns(forest.inputs), with_table=with_table, align=align).nbytes

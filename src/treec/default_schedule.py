"""The schedule treec picks when none is given, from the model's shape. A small, documented choice, not a search.

Rows go in blocks of 64 through one tree after the other: a block's rows and sums and one tree stay in the first caches.
Where a row meets many nodes its values become ranks first, and trees are laid out in pairs, if the tables then take at most
16 bytes per inner node. Otherwise the layout is the first of a short list, fastest first, that does; if none does, it is
the smallest of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from treec.default_bitslice import bitslice_pays
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import narrow, pack_trees, walk_columns
from treec.passes.algo.pairs import pair_trees, paired_bytes
from treec.passes.algo.ranks import rank_tables
from treec.passes.algo.share import share_leaf_rows, share_predicates
from treec.schedule.schedule import Schedule

BYTES_PER_NODE = 16
BLOCK_ROWS = 64
INTERLEAVE_PAIRS = 8
INTERLEAVE_PACKED = 4
"""Eight are a few percent faster on packed nodes too, and cost LLVM a third more time."""
PEEL = 4


@dataclass(frozen=True)
class Choice:
    """A schedule and why it was picked, one reason a line."""

    schedule: Schedule
    reasons: tuple[str, ...]


def default_schedule(forest: Forest) -> Choice:
    """Pick layout and loops for this forest."""
    reasons: list[str] = []
    lines: list[str] = ["target cpu"]
    share_leaves, leaf_bytes = _leaves(forest, reasons)
    if share_leaves:
        lines.append("share leaves")
    ranked = _ranked_layout(forest, leaf_bytes, reasons)
    layout = [] if ranked else _layout(forest, leaf_bytes, reasons)
    sharing = [line for line in layout if line.startswith("share")]
    walk = [
        *(line for line in layout if line not in sharing),
        f"split row into=(block, row) by={BLOCK_ROWS}",
        *ranked,
        "order block, tree, row",
        _walk(forest, INTERLEAVE_PAIRS if ranked else INTERLEAVE_PACKED, reasons),
    ]
    reasons.append(f"blocks of {BLOCK_ROWS} rows per tree: the tree and the block's sums stay in cache")
    sliced = bitslice_pays(forest)
    if sliced is None:
        plan = [*walk, "parallel block"]
    else:
        reasons += sliced.reasons()
        small = [f"kernel when rows <= {sliced.rows} {{", *(f"  {line}" for line in walk), "}"] if sliced.rows else []
        plan = [*small, *sliced.plan()]
    return Choice(Schedule.from_text("\n".join([*lines, *sharing, *plan]), "<default>"), tuple(reasons))


def _walk(forest: Forest, interleave: int, reasons: list[str]) -> str:
    """Rows go down a tree together; the steps that half of the trees are sure to need are straight code."""
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return "walk with=scalar"
    shallowest, _ = leaf_depths(forest.trees)
    peel = min(PEEL, int(np.median(shallowest)))
    reasons.append(f"{interleave} rows walk together: their loads overlap; {peel} steps before the first test for a leaf")
    return f"walk with=scalar interleave=row:{interleave} peel={peel}"


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


def _ranked_layout(forest: Forest, leaf_bytes: int, reasons: list[str]) -> list[str]:
    """Ranks and pairs, where the search for ranks has fewer steps than the walks and the tables are small enough."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0 or forest.leaves.linear is not None:
        return []
    tables = rank_tables(forest.predicates)
    searched = sum(int(n).bit_length() for n in np.diff(tables.cut_offset))
    if int(leaf_depths(trees)[1].sum()) < searched:
        return []
    highest = int(tables.highest().max(initial=0))
    to = next((name for name, bits in (("u8", 8), ("u16", 16), ("u32", 32)) if highest < 1 << bits), None)
    if to is None:
        return []
    size = paired_bytes(pair_trees(tables, trees, align=4)) + leaf_bytes + tables.set_words.nbytes
    if size + 2 * tables.cuts.nbytes > BYTES_PER_NODE * trees.n_nodes:
        return []
    reasons.append(f"values become ranks of {to}: at most {highest + 1:,} a feature, and nodes of a few bytes")
    reasons.append(f"nodes in pairs: {size / trees.n_nodes:.1f} bytes per inner node, leaves included")
    return [f"rank features at=block to={to}", "layout pairs"]


def _layout(forest: Forest, leaf_bytes: int, reasons: list[str]) -> list[str]:
    if not isinstance(forest.trees, Trees) or forest.trees.n_nodes == 0:
        return ["layout packed"]
    budget = BYTES_PER_NODE * forest.trees.n_nodes
    other_bytes = leaf_bytes + forest.predicates.set_words.nbytes
    sizes: dict[tuple[str, int], int] = {}
    for predicates, align in (("inline", 4), ("inline", 1), ("table", 4), ("table", 1)):
        size = _packed_bytes(forest, forest.trees, predicates == "table", align) + other_bytes
        sizes[predicates, align] = size
        if size <= budget:
            break
    (predicates, align), size = min(sizes.items(), key=lambda item: item[1])
    reasons.append(
        f"packed nodes, predicates={predicates} align={align}: {size / forest.trees.n_nodes:.1f} bytes per inner node, "
        "leaves included"
    )
    sharing = ["share predicates"] if predicates == "table" else []
    return [*sharing, f"layout packed predicates={predicates} align={align}"]


def _packed_bytes(forest: Forest, trees: Trees, with_table: bool, align: int) -> int:
    predicates = forest.predicates
    if with_table:
        predicates, new_id = share_predicates(predicates)
        trees = replace(trees, predicate=new_id[trees.predicate])
    return pack_trees(predicates, trees, walk_columns(forest.inputs), with_table=with_table, align=align).nbytes

"""Tiled trees in memory: a record per tile, with the questions of all its nodes side by side. Pure numpy.

A tile of n nodes has n + 1 *exits*, each to another tile or to a leaf. The nodes of a tile are in preorder, so node 0 is
its root; the exits are numbered in the order (true exit of node 0, false exit of node 0, true exit of node 1, …). The
*shape* of a tile is what leads where inside of it: which answers lead to which exit. Only shapes that occur are kept.

A record has as many *lanes* as the largest tile has nodes, rounded up to a power of two; lanes without a node repeat the
question of node 0, and no shape looks at their answers. With bit ``l`` of ``mask`` the answer of lane ``l``:

    exit = lookup[shape, mask]                          a table of 2**size bytes for each shape, or, if that is too much,
    exit = the first with mask & care[shape, exit] == want[shape, exit]

``inner`` has a bit for each exit that leads to a tile. ``sparse``: the tiles that a tile leads to lie side by side, in the
order of the exits, from ``child`` tiles further on. ``array``: tile ``p`` of a tree leads to the tiles ``p * (size + 1) +
1 + exit``, present or not. The leaves of a tile are side by side too, from ``leaf_base`` on.

A tree that is one leaf is one tile that has this leaf at both exits of its node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import Predicates, Trees
from treec.passes.algo.bit_fields import BitField, Widths, place_fields, words_of
from treec.passes.algo.packed import FEWEST, narrow, predicate_kinds, threshold_bits
from treec.passes.algo.ranks import RankTables
from treec.passes.algo.tile_shapes import Shapes, TileNodes, shapes_of, tile_nodes

I64 = NDArray[np.int64]
LOOKUP_LIMIT = 1 << 17
"""Bytes of look-up tables that are still worth it: a part of the second-level cache."""
ARRAY_LIMIT = 1 << 28
"""Bytes that arrays of tiles may take."""


@dataclass(frozen=True, eq=False)
class TiledTrees:
    """All tables of tiled trees, of P positions and S slots of leaves.

    ``tiles`` [P]: records with ``threshold`` (of ranks: the operand) and ``asked``, vectors of ``lanes`` numbers, or
    numbers if that is 1, and ``word0``. ``lane_fields``: bits of each lane of ``asked``; ``fields``: bits of the word:
    ``shape, inner, child``. ``base`` [T + 1]: position of each tree's first tile.
    ``lookup`` u8 [shapes, 2**size], or ``ways`` [shapes]: records of ``care`` and ``want``, vectors of ``lanes`` masks;
    exit ``lanes`` is what is left. Neither where tiles are single nodes.
    ``leaf_base`` [P]: first slot of each tile. ``leaf_row``, ``leaf_id`` [S]. ``column`` [T], None if always 0.
    ``kinds`` i64 [n, 3] as in `treec.passes.algo.packed`.
    """

    size: int
    lanes: int
    tiles: NDArray[Any]
    lane_fields: dict[str, BitField]
    fields: dict[str, BitField]
    base: NDArray[Any]
    lookup: NDArray[np.uint8] | None
    ways: NDArray[Any] | None
    leaf_base: NDArray[Any]
    leaf_row: NDArray[Any]
    leaf_id: NDArray[Any]
    kinds: I64
    column: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class _Asked:
    """What the predicates ask, by number: columns [predicates] for the lanes, and ``kinds``."""

    threshold: NDArray[Any]
    columns: dict[str, NDArray[Any]]
    kinds: I64


def _of_values(predicates: Predicates, feature: NDArray[np.int32]) -> _Asked:
    kinds, kind = predicate_kinds(predicates)
    missing_left = predicates.missing_left & (predicates.missing != 0)
    columns = {"missing_left": missing_left, "kind": kind, "feature": feature[predicates.input]}
    return _Asked(threshold_bits(predicates), columns, kinds)


def _of_ranks(ranks: RankTables) -> _Asked:
    tests, kind = np.unique(ranks.test, return_inverse=True)
    kinds = np.stack([tests.astype(np.int64), *np.zeros((2, len(tests)), np.int64)], axis=1)
    return _Asked(narrow(ranks.operand), {"kind": kind.reshape(-1), "feature": ranks.view}, kinds)


def lay_tiles(
    asked: tuple[Predicates, NDArray[np.int32]] | RankTables,
    trees: Trees,
    kind: Literal["array", "sparse"],
    *,
    align: int,
    widths: Widths = FEWEST,
) -> TiledTrees:
    """Lay tiled trees out; without tiles each node is one. Records are a multiple of ``align`` bytes.

    ``asked``: predicates and the column that each input is read from, or ranks. ``widths``: of fields.
    Raises `ScheduleError` for an array that
    would be too large, and `UnsupportedModelError` where a record's fields do not fit its word.
    """
    questions = _of_ranks(asked) if isinstance(asked, RankTables) else _of_values(*asked)
    nodes = tile_nodes(trees)
    shapes = shapes_of(nodes)
    levels = _levels(nodes)
    place, base = _sparse_places(nodes, levels) if kind == "sparse" else _array_places(nodes, levels)
    order = np.argsort(place)  # tiles by their position
    n = int(base[-1])
    columns = {"shape": _filled(n, place, shapes.of_tile), "inner": _filled(n, place, _inner_masks(nodes))}
    if kind == "sparse":
        columns["child"] = _filled(n, place, _first_children(nodes, place), default=1)
    slots = nodes.exit_leaf[order]
    leaf = slots[slots >= 0]
    leaf_base = np.zeros(n, np.int64)
    leaf_base[place[order]] = np.cumsum((slots >= 0).sum(axis=1)) - (slots >= 0).sum(axis=1)
    tiles, lane_fields, fields = _records(nodes, questions, place, n, columns, align, widths)
    lookup, ways = _exit_tables(shapes)
    return TiledTrees(
        nodes.size,
        nodes.lanes,
        tiles,
        lane_fields,
        fields,
        narrow(base),
        lookup,
        ways,
        narrow(leaf_base),
        narrow(trees.leaf_row[leaf]),
        narrow(trees.leaf_id[leaf]),
        questions.kinds,
        narrow(trees.column) if trees.column.any() else None,
    )


def _exit_tables(shapes: Shapes) -> tuple[NDArray[np.uint8] | None, NDArray[Any] | None]:
    if shapes.size == 1:
        return None, None
    if shapes.n << shapes.size <= LOOKUP_LIMIT:
        return shapes.lookup(), None
    care, want = shapes.care_and_want()
    ways = np.zeros(shapes.n, [("care", care.dtype, (shapes.lanes,)), ("want", care.dtype, (shapes.lanes,))])
    ways["care"], ways["want"] = care, want
    return None, ways


def _filled(n: int, place: I64, values: NDArray[Any], default: int = 0) -> I64:
    column = np.full(n, default, np.int64)
    column[place] = values
    return column


def _levels(nodes: TileNodes) -> list[I64]:
    """Tiles level by level below the trees' first ones; in a level sorted by tree, then by the tile above, then by exit."""
    levels: list[I64] = []
    level = nodes.tile_base[:-1]
    while len(level):
        levels.append(level)
        below = nodes.exit_tile[level].reshape(-1)
        level = below[below >= 0]
    return levels


def _sparse_places(nodes: TileNodes, levels: list[I64]) -> tuple[I64, I64]:
    """Position of each tile, level by level in its tree, and the first position of each tree [T + 1]."""
    n_trees = len(nodes.tile_base) - 1
    place, used = np.zeros(len(nodes.tree), np.int64), np.zeros(n_trees, np.int64)
    for level in levels:
        tree = nodes.tree[level]
        many = np.bincount(tree, minlength=n_trees)
        first = np.cumsum(many) - many
        place[level] = used[tree] + np.arange(len(level)) - first[tree]
        used += many
    return place + nodes.tile_base[nodes.tree], nodes.tile_base


def _array_places(nodes: TileNodes, levels: list[I64]) -> tuple[I64, I64]:
    n_trees, arity = len(nodes.tile_base) - 1, nodes.size + 1
    local, length = np.zeros(len(nodes.tree), np.int64), np.zeros(n_trees, np.int64)
    record = nodes.lanes * 6 + 8  # about
    for level in levels:
        np.maximum.at(length, nodes.tree[level], local[level] + 1)
        if int(length.astype(np.float64).sum()) * record > ARRAY_LIMIT:
            _refuse_array(nodes, length, len(levels), record)
        row, exit_ = np.nonzero(nodes.exit_tile[level] >= 0)
        local[nodes.exit_tile[level][row, exit_]] = local[level][row] * arity + 1 + exit_
    base = np.concatenate([[0], np.cumsum(length)])
    return base[nodes.tree] + local, base


def _refuse_array(nodes: TileNodes, length: I64, n_levels: int, record: int) -> None:
    tree = int(length.argmax())
    tiles = int(np.diff(nodes.tile_base)[tree])
    raise ScheduleError(
        f"as an array, tree {tree} ({tiles:,} tiles of up to {nodes.size} nodes, {n_levels} levels) takes at least "
        f"{length[tree] * record / 2**20:,.0f} MiB; all trees may take {ARRAY_LIMIT >> 20} MiB",
        fix="use `layout sparse`, or tiles of another size",
    )


def _inner_masks(nodes: TileNodes) -> I64:
    bits = np.int64(1) << np.arange(nodes.size + 1)
    return ((nodes.exit_tile >= 0) * bits).sum(axis=1)


def _first_children(nodes: TileNodes, place: I64) -> I64:
    """How far the first tile that a tile leads to is, in positions; 1 if there is none."""
    inner = nodes.exit_tile >= 0
    some = inner.any(axis=1)
    first = nodes.exit_tile[np.arange(len(inner)), inner.argmax(axis=1)]
    return np.where(some, place[np.where(some, first, 0)] - place, 1)


def _records(
    nodes: TileNodes, asked: _Asked, place: I64, n: int, columns: dict[str, I64], align: int, widths: Widths
) -> tuple[NDArray[Any], dict[str, BitField], dict[str, BitField]]:
    """The records of all positions, and the bit fields of ``asked`` and of the word."""
    fields, word = _bits(columns, 64, widths)
    no_predicates = len(asked.threshold) == 0
    taken = {name: np.zeros(1, np.int64) if no_predicates else column for name, column in asked.columns.items()}
    lane_fields, lane_word = _bits(taken, 32, widths)
    threshold = np.zeros(1, asked.threshold.dtype) if no_predicates else asked.threshold
    parts = [("threshold", threshold.dtype), ("asked", lane_word.dtype)]
    shape = (nodes.lanes,) if nodes.lanes > 1 else ()
    formats = [*(np.dtype((kind, shape)) for _, kind in parts), word.dtype]
    offsets = np.cumsum([0, *(kind.itemsize for kind in formats)])
    size = -(-int(offsets[-1]) // align) * align
    names = [*(name for name, _ in parts), "word0"]
    table = np.zeros(n, np.dtype({"names": names, "formats": formats, "offsets": offsets[:-1].tolist(), "itemsize": size}))
    lanes = nodes.predicate.reshape(-1, *shape)
    table["threshold"][place] = threshold[lanes]
    table["asked"][place] = lane_word[lanes]
    table["word0"] = word
    return table, lane_fields, fields


def _bits(columns: dict[str, NDArray[Any]], most: int, widths: Widths) -> tuple[dict[str, BitField], NDArray[Any]]:
    """Columns side by side in an unsigned number of at most ``most`` bits, and where each is."""
    fields, used = place_fields(columns, widths)
    if used > most:
        raise UnsupportedModelError(
            f"a tile needs {used} bits for {', '.join(columns)}, and has {most}",
            fix="use smaller tiles, narrower fields, or `layout packed`",
        )
    width = next(w for w in (8, 16, 32, 64) if used <= w)
    words = words_of(columns, fields, len(next(iter(columns.values()))))
    return fields, words.astype(f"<u{width // 8}")

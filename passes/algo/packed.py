"""Packed node records: trees in preorder, as few bytes per node as the model allows. Pure numpy.

A record is a threshold (unless predicates have a table of their own) and a *word* of bit fields, as wide as the model
needs. In preorder the left child of node ``i`` is ``i + 1`` and the right child ``i + step``, where ``step`` is one more
than the number of inner nodes on the left. The walk keeps ``end``, the end of the subtree it is in:

    at node i: left → (i + 1, end = i + step); right → (i + step, end unchanged); a leaf is reached when i == end.

Leaves need no pointers: left of position ``i`` in a tree lie ``i - lefts`` leaves, where ``lefts`` counts the left turns.

Thresholds that are ranks (`treec.passes.algo.ranks`) are small integers: they are bits of the word like the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import UnsupportedModelError
from treec.frontends.base import Inputs, Missing, Predicates, Test, Trees
from treec.passes.algo.bit_fields import BitField, Widths, place_fields, words_of
from treec.passes.algo.ranks import RankTables

WORD_CHUNKS = {1: (1,), 2: (2,), 3: (2, 1), 4: (4,), 5: (4, 1), 6: (4, 2), 7: (4, 2, 1), 8: (8,)}
"""Bytes of a word → sizes of the little-endian fields ``word0``, ``word1``, … that make it up."""

FEWEST = Widths()
"""Every field as narrow as it can be."""


@dataclass(frozen=True, eq=False)
class Records:
    """``table``: a structured array with the fields ``threshold`` (if any) and ``word0``…; ``fields``: bits of the word.

    The threshold of a set test is the number of its set, as the bits of an integer of the threshold's size.
    """

    table: NDArray[Any]
    fields: dict[str, BitField]


@dataclass(frozen=True, eq=False)
class PackedTrees:
    """All tables of the packed layout.

    ``nodes`` [N] has the fields ``step``, ``inverted`` where some node is, and either ``feature, kind, missing_left`` or
    ``predicate``, a row of ``predicates`` [P]. On ranks ``feature`` is a view, and ``threshold``, an operand, stands in for
    ``missing_left``. ``node_base`` [T + 1]: first node of each tree; its first leaf is ``node_base[t] + t``.
    ``kinds`` i64 [n, 3]: what predicates of a kind share: test, missing kind, way of invalid categories.
    ``leaf_row`` [L]: row of leaf values, None if it is the leaf itself. ``leaf_id`` [L]: the library's number, None where
    it is the leaf's position in a full preorder (2 * i - lefts). ``column`` [T]: first output column, None if always 0.
    """

    nodes: Records
    predicates: Records | None
    kinds: NDArray[np.int64]
    node_base: NDArray[Any]
    leaf_row: NDArray[Any] | None
    leaf_id: NDArray[Any] | None
    column: NDArray[Any] | None

    @property
    def nbytes(self) -> int:
        """Bytes of all tables, leaf values and category sets aside."""
        tables = [self.nodes.table, self.node_base, self.leaf_row, self.leaf_id, self.column]
        tables.append(self.predicates.table if self.predicates else None)
        return sum(table.nbytes for table in tables if table is not None)


def walk_columns(inputs: Inputs) -> NDArray[np.int32]:
    """The column a walk reads for each input: of the row itself, or of the encoded row if inputs have value tables."""
    return inputs.column if inputs.table_offset is None else np.arange(inputs.n_inputs, dtype=np.int32)


def pack_trees(
    predicates: Predicates,
    trees: Trees,
    feature: NDArray[np.int32],
    *,
    with_table: bool,
    align: int,
    widths: Widths = FEWEST,
) -> PackedTrees:
    """Lay trees out as records of a multiple of ``align`` bytes.

    ``feature`` i32[n_inputs]: `walk_columns`. ``with_table``: nodes hold a predicate id. ``widths``: of fields.
    Raises `UnsupportedModelError` if a node's fields need more than 64 bits.
    """
    kinds, kind = predicate_kinds(predicates)
    asked = {
        "feature": feature[predicates.input],
        "kind": kind,
        "missing_left": predicates.missing_left & (predicates.missing != Missing.NONE),
    }
    return _pack(trees, kinds, threshold_bits(predicates), asked, with_table, align, widths)


def pack_ranked_trees(
    ranks: RankTables, trees: Trees, *, with_table: bool, align: int, widths: Widths = FEWEST
) -> PackedTrees:
    """`pack_trees` for predicates on ranks."""
    tests, kind = np.unique(ranks.test, return_inverse=True)
    kinds = np.stack([tests.astype(np.int64), *np.zeros((2, len(tests)), np.int64)], axis=1)
    asked = {"feature": ranks.view, "kind": kind.reshape(-1), "threshold": ranks.operand}
    return _pack(trees, kinds, None, asked, with_table, align, widths)


def _pack(
    trees: Trees,
    kinds: NDArray[np.int64],
    threshold: NDArray[Any] | None,
    asked: dict[str, NDArray[Any]],
    with_table: bool,
    align: int,
    widths: Widths,
) -> PackedTrees:
    step = right_steps(trees)
    inverted = {} if trees.inverted is None else {"inverted": trees.inverted}
    if with_table:
        table = make_records(threshold, asked, align, widths)
        nodes = make_records(None, {"step": step, "predicate": trees.predicate, **inverted}, align, widths)
    else:
        at = trees.predicate
        table = None
        of_nodes = {"step": step, **{name: column[at] for name, column in asked.items()}, **inverted}
        nodes = make_records(None if threshold is None else threshold[at], of_nodes, align, widths)
    return PackedTrees(
        nodes,
        table,
        kinds,
        narrow(trees.node_offset),
        None if np.array_equal(trees.leaf_row, np.arange(trees.n_leaves)) else narrow(trees.leaf_row),
        None if np.array_equal(trees.leaf_id, preorder_leaf_ids(trees, step)) else narrow(trees.leaf_id),
        narrow(trees.column) if trees.column.any() else None,
    )


def predicate_kinds(predicates: Predicates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct (test, missing kind, way of invalid values), i64 [n, 3], and each predicate's row of it, i64 [P]."""
    invalid = predicates.invalid_left & (predicates.test == Test.IN_SET)
    code = predicates.test.astype(np.int64) << 3 | predicates.missing.astype(np.int64) << 1 | invalid
    found = np.flatnonzero(np.bincount(code))
    number = np.zeros(found.max(initial=0) + 1, np.int64)
    number[found] = np.arange(len(found))
    return np.stack([found >> 3, found >> 1 & 3, found & 1], axis=1), number[code]


def threshold_bits(predicates: Predicates) -> NDArray[Any]:
    """Thresholds, with the number of the set, as bits, where the test is one of a set."""
    threshold = predicates.threshold.copy()
    as_integer = threshold.view(np.int32 if threshold.dtype == np.float32 else np.int64)
    is_set = predicates.test == Test.IN_SET
    as_integer[is_set] = predicates.category_set[is_set]
    return threshold


def first_leaves(trees: Trees) -> NDArray[np.int64]:
    """The leftmost leaf below each node, local to its tree, i64 [N]: the one at the end of its chain of left children."""
    is_end = trees.left < 0
    ends = np.where(is_end, np.arange(trees.n_nodes), trees.n_nodes)
    chain_end = np.minimum.accumulate(ends[::-1])[::-1]
    return ~trees.left[chain_end].astype(np.int64)


def local_nodes(trees: Trees) -> NDArray[np.int64]:
    """Each node's number within its tree, i64 [N]."""
    return np.arange(trees.n_nodes) - np.repeat(trees.node_offset[:-1], np.diff(trees.node_offset))


def right_steps(trees: Trees) -> NDArray[np.int64]:
    """``step`` of each node, i64 [N]: 1 + inner nodes on its left, which is the number of leaves there."""
    return np.where(trees.right >= 0, trees.right - local_nodes(trees), ~trees.right - first_leaves(trees))


def preorder_leaf_ids(trees: Trees, step: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each leaf in a preorder of nodes and leaves together, i64 [L] (scikit-learn's node ids), from the
    nodes' `right_steps`."""
    local = local_nodes(trees)
    leaf_base = np.repeat(trees.leaf_offset[:-1], np.diff(trees.node_offset))
    position = np.zeros(trees.n_leaves, np.int64)
    for child, at in ((trees.left, local + 1), (trees.right, local + step)):
        outer = child < 0
        leaf = ~child[outer].astype(np.int64)
        position[leaf_base[outer] + leaf] = at[outer] + leaf
    return position


def make_records(
    threshold: NDArray[Any] | None, columns: dict[str, NDArray[Any]], align: int, widths: Widths = FEWEST
) -> Records:
    """Pack integer columns into the bits of a word beside a threshold; unused bytes of the record widen the word."""
    fields, shift = place_fields(columns, widths)
    if shift > 64:
        raise UnsupportedModelError(
            f"a node needs {shift} bits beside its threshold, packed layout has 64",
            fix="use another layout, or fewer features or smaller trees",
        )
    first = 0 if threshold is None else threshold.dtype.itemsize
    size = -(-(first + max(1, -(-shift // 8))) // align) * align
    n = len(next(iter(columns.values())))
    table = np.zeros(n, _record_dtype(threshold, first, min(8, size - first), size))
    if threshold is not None:
        table["threshold"] = threshold
    _store_word(table, words_of(columns, fields, n))
    return Records(table, fields)


def _record_dtype(threshold: NDArray[Any] | None, first: int, word_bytes: int, size: int) -> np.dtype[Any]:
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    if threshold is not None:
        names.append("threshold")
        formats.append(threshold.dtype.str)
        offsets.append(0)
    at = first
    for number, chunk in enumerate(WORD_CHUNKS[word_bytes]):
        names.append(f"word{number}")
        formats.append(f"<u{chunk}")
        offsets.append(at)
        at += chunk
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _store_word(table: NDArray[Any], word: NDArray[np.uint64]) -> None:
    shift = 0
    for name in table.dtype.names or ():
        if name.startswith("word"):
            field = table.dtype[name]
            table[name] = (word >> np.uint64(shift)).astype(field)
            shift += 8 * field.itemsize


def load_word(table: NDArray[Any]) -> NDArray[np.uint64]:
    """The words of all records, u64."""
    word = np.zeros(len(table), np.uint64)
    shift = 0
    for name in table.dtype.names or ():
        if name.startswith("word"):
            word |= table[name].astype(np.uint64) << np.uint64(shift)
            shift += 8 * table.dtype[name].itemsize
    return word


def narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the smallest unsigned dtype that holds them."""
    high = int(values.max()) if len(values) else 0
    for dtype in (np.uint8, np.uint16, np.uint32):
        if high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype(np.uint64)

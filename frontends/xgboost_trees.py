"""The trees of an XGBoost document → the columns of a Forest, all nodes of all trees at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import CategoryCast, Leaves, Missing, Predicates, Test, Trees
from treec.frontends.canonical import CanonicalOrder, canonical_order
from treec.frontends.xgboost_document import Node, to_f32

I64 = NDArray[np.int64]

_TREE_KEYS = (
    *("base_weights", "categories", "categories_nodes", "categories_segments", "categories_sizes", "default_left"),
    *("id", "leaf_child_counts", "leaf_weights", "left_children", "loss_changes", "parents", "right_children"),
    *("split_conditions", "split_indices", "split_type", "sum_hessian", "tree_param"),
)
_MAX_CATEGORY = 2**24 - 2  # XGBoost takes no category beyond
_MAX_SET_WORDS = 2**26


@dataclass(frozen=True)
class Layout:
    """``offset`` i64[T + 1]: where each tree's nodes are in the concatenated arrays; ``width``: values per leaf."""

    trees: list[Node]
    offset: I64
    width: int
    n_features: int

    def column(self, key: str, convert: Callable[[Node], NDArray[Any]]) -> NDArray[Any]:
        """A per-node array of all trees; each must have one entry per node."""
        sizes = np.diff(self.offset)
        parts: list[NDArray[Any]] = []
        for tree, size in zip(self.trees, sizes, strict=True):
            node = tree.get(key)
            parts.append(convert(node))
            if len(parts[-1]) != size:
                raise node.error(f"{len(parts[-1])} entries for {size} nodes")
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def place_of(self, node: int, key: str) -> Node:
        """The document's place of a concatenated node."""
        tree = int(np.searchsorted(self.offset, node, side="right")) - 1
        return self.trees[tree].get(key).child(node - int(self.offset[tree]))


def ordered_trees(model: Node) -> list[Node]:
    """Trees in the order of their ids, which is the order that XGBoost sums in."""
    trees = model.get("trees").items()
    for tree in trees:
        tree.only(*_TREE_KEYS)
    ids = [tree.get("id").value for tree in trees]
    if any(type(i) is not int for i in ids) or sorted(ids) != list(range(len(ids))):
        raise model.get("trees").error("the ids of the trees are not 0, 1, 2, …")
    return [trees[position] for position in np.argsort(ids, kind="stable")] if ids else []


def lay_out(trees: list[Node], n_features: int) -> Layout:
    sizes: list[int] = []
    widths: set[int] = set()
    for tree in trees:
        param = tree.get("tree_param")
        param.only("num_nodes", "num_deleted", "num_feature", "num_roots", "size_leaf_vector")
        sizes.append(param.get("num_nodes").count())
        if not sizes[-1]:
            raise param.error("a tree without nodes")
        widths.add(max(1, param.get("size_leaf_vector").count() if param.has("size_leaf_vector") else 1))
    if len(widths) > 1:
        raise trees[0].unsupported("trees with one value per leaf beside trees with several", "train with one strategy")
    offset = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    return Layout(trees, offset, max(widths, default=1), n_features)


@dataclass(frozen=True)
class Parsed:
    predicates: Predicates
    trees: Trees
    leaves: Leaves
    notes: tuple[str, ...]


def parse_trees(layout: Layout, column: NDArray[np.int32], iterations: NDArray[np.int32], *, exact: bool) -> Parsed:
    """``column`` i32[T] and ``iterations`` i32[I + 1] go into `Trees` as they are; ``exact`` as in `to_f32`."""
    left, right = (layout.column(f"{side}_children", lambda node: node.integers(-1)) for side in ("left", "right"))
    kind = _split_types(layout)
    default_left = layout.column("default_left", lambda node: node.integers(0, 1)).astype(bool)
    is_leaf = left == -1
    apart = np.flatnonzero(~is_leaf & (left >= 0) & (right != left + 1))
    if len(apart):  # the library itself reads the right child as left + 1, whatever the file says
        raise layout.place_of(int(apart[0]), "right_children").error("a right child is not next to its left sibling")
    right = np.where(is_leaf, -1, right)  # a leaf of vectors keeps its row of values here
    in_set = (kind == 1) & ~is_leaf
    # XGBoost sends a category of the set to the right; here a true answer goes left.
    swapped_left, swapped_right = np.where(in_set, right, left), np.where(in_set, left, right)
    order = canonical_order(layout.offset, swapped_left, swapped_right, place=layout.trees[0].place if len(left) else "")

    source = order.node_source
    conditions = to_f32(layout.column("split_conditions", Node.floats), exact=exact)
    predicates = _predicates(layout, source, conditions, in_set, default_left)
    leaves, leaf_row = _leaves(layout, order, conditions, exact=exact)
    node_count, leaf_count, notes = _counts(layout, order)
    local = order.leaf_source - np.repeat(layout.offset[:-1], np.diff(order.leaf_offset))
    trees = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=np.arange(len(source), dtype=np.int32),
        left=order.left,
        right=order.right,
        leaf_row=leaf_row,
        leaf_id=local.astype(np.int32),
        column=column,
        iteration_offset=iterations,
        node_count=node_count,
        leaf_count=leaf_count,
    )
    return Parsed(predicates, trees, leaves, notes)


def _split_types(layout: Layout) -> NDArray[Any]:
    """0 for a compare, 1 for a set of categories; files before XGBoost 1.3 have compares only."""
    if any(tree.has("split_type") for tree in layout.trees):
        return layout.column("split_type", lambda node: node.integers(0, 1))
    for tree in layout.trees:
        if tree.has("categories_nodes") and len(tree.get("categories_nodes").array()):
            raise tree.error("the key 'split_type' is missing")
    return np.zeros(int(layout.offset[-1]), np.int64)


def _predicates(
    layout: Layout, source: I64, conditions: NDArray[np.float32], in_set: NDArray[np.bool_], default_left: NDArray[np.bool_]
) -> Predicates:
    n = len(source)
    category = in_set[source]
    threshold = np.where(category, np.float32(0), conditions[source])
    bad = np.flatnonzero(np.isnan(threshold))
    if len(bad):
        raise layout.place_of(int(source[bad[0]]), "split_conditions").error("a threshold is not a number")
    set_offset, set_words = _category_sets(layout, source[category])
    category_set = np.full(n, -1, np.int32)
    category_set[category] = np.arange(np.count_nonzero(category))
    return Predicates(
        input=_split_indices(layout, source),
        test=np.where(category, Test.IN_SET, Test.LESS).astype(np.uint8),
        threshold=threshold,
        missing=np.full(n, Missing.NAN, np.uint8),
        missing_left=default_left[source] ^ category,
        category_set=category_set,
        invalid_left=np.zeros(n, bool),
        set_offset=set_offset,
        set_words=set_words,
        category_cast=CategoryCast.NON_NEGATIVE,
    )


def _split_indices(layout: Layout, source: I64) -> NDArray[np.int32]:
    # a deleted node has the index 2**32 - 1 or 2**31 - 1; only nodes of a tree are looked at
    index = layout.column("split_indices", lambda node: node.integers(-(2**31), 2**32 - 1))[source]
    bad = np.flatnonzero((index < 0) | (index >= layout.n_features))
    if len(bad):
        raise layout.place_of(int(source[bad[0]]), "split_indices").error(
            f"the model has {layout.n_features} features, this is none of them"
        )
    return index.astype(np.int32)


def _leaves(
    layout: Layout, order: CanonicalOrder, conditions: NDArray[np.float32], *, exact: bool
) -> tuple[Leaves, NDArray[np.int32]]:
    source = order.leaf_source
    if layout.width == 1:
        key, values = "split_conditions", conditions[source][:, np.newaxis]
        rows = np.arange(len(source), dtype=np.int32)
    else:
        key, table = _leaf_vectors(layout, source, exact=exact)
        bits, inverse = np.unique(np.ascontiguousarray(table).view(np.uint32), axis=0, return_inverse=True)
        values, rows = bits.view(np.float32), inverse.reshape(-1).astype(np.int32)
    bad = np.flatnonzero(~np.isfinite(values[rows]).all(axis=1))
    if len(bad):
        tree = int(np.searchsorted(layout.offset, source[bad[0]], side="right")) - 1
        node = layout.trees[tree].get(key)
        raise node.unsupported("a leaf value is infinite or not a number", "train again: the training diverged")
    return Leaves(values), rows


def _leaf_vectors(layout: Layout, source: I64, *, exact: bool) -> tuple[str, NDArray[np.float32]]:
    """f32[L, width]. Since 3.1 a leaf's ``right_children`` is its row of ``leaf_weights``; before, ``base_weights`` has a
    row for every node."""
    width = layout.width
    compact = any(tree.has("leaf_weights") for tree in layout.trees)
    key = "leaf_weights" if compact else "base_weights"
    parts = [tree.get(key).floats() for tree in layout.trees]
    for tree, part in zip(layout.trees, parts, strict=True):
        if len(part) % width:
            raise tree.get(key).error(f"{len(part)} numbers are no rows of {width}")
    counts = np.array([len(part) // width for part in parts], np.int64)
    table = to_f32(np.concatenate(parts), exact=exact).reshape(-1, width)
    tree_of = np.searchsorted(layout.offset, source, side="right") - 1
    row = layout.column("right_children", Node.integers)[source] if compact else source - layout.offset[tree_of]
    bad = np.flatnonzero((row < 0) | (row >= counts[tree_of]))
    if len(bad):
        raise layout.trees[int(tree_of[bad[0]])].get(key).error("a leaf has no row of values")
    return key, table[np.concatenate([[0], np.cumsum(counts)])[tree_of] + row]


def _counts(
    layout: Layout, order: CanonicalOrder
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None, tuple[str, ...]]:
    """The cover of nodes and leaves. It never changes an answer, so that unusable numbers are only noted."""
    if not all(tree.has("sum_hessian") for tree in layout.trees):
        return None, None, ()
    cover = layout.column("sum_hessian", Node.floats).astype(np.float64)
    nodes, leaves = cover[order.node_source], cover[order.leaf_source]
    if not all(np.isfinite(part).all() and (part >= 0).all() for part in (nodes, leaves)):
        return None, None, ("sum_hessian has negative or infinite numbers and is not used",)
    return nodes, leaves, ()


def _category_sets(layout: Layout, nodes: I64) -> tuple[I64, NDArray[np.uint32]]:
    """Bit strings of the categories of ``nodes`` (concatenated numbers), in this order."""
    begin, size, members = _category_ranges(layout, nodes)
    run = np.concatenate([[0], np.cumsum(size)])
    category = members[np.repeat(begin - run[:-1], size) + np.arange(run[-1])]
    owner = np.repeat(np.arange(len(nodes)), size)
    top = np.full(len(nodes), -1, np.int64)
    np.maximum.at(top, owner, category)
    offset = np.concatenate([[0], np.cumsum(top // 32 + 1)]).astype(np.int64)
    if offset[-1] > _MAX_SET_WORDS:
        raise layout.trees[0].unsupported("the category sets need more than 256 MiB", "use smaller category codes")
    words = np.zeros(int(offset[-1]), np.uint32)
    np.bitwise_or.at(words, offset[owner] + category // 32, np.uint32(1) << (category % 32).astype(np.uint32))
    return offset, words


def _category_ranges(layout: Layout, nodes: I64) -> tuple[I64, I64, I64]:
    """Where each node's categories begin and how many they are, in the concatenated categories of all trees."""
    owners: list[I64] = [np.zeros(0, np.int64)]
    begins, sizes, members = list(owners), list(owners), list(owners)
    total = 0
    for tree, base in zip(layout.trees, layout.offset[:-1], strict=True) if len(nodes) else ():
        if not tree.has("categories_nodes"):
            continue
        owner = tree.get("categories_nodes").integers(0)
        begin, size = (tree.get(key).integers(0) for key in ("categories_segments", "categories_sizes"))
        member = tree.get("categories").integers(0, _MAX_CATEGORY)
        if not len(owner) == len(begin) == len(size) or (begin + size > len(member)).any() or size.sum() > len(member):
            raise tree.get("categories_nodes").error("the category segments do not fit the categories")
        owners.append(owner + base)
        begins.append(begin + total)
        sizes.append(size)
        members.append(member)
        total += len(member)
    owner = np.concatenate(owners)
    by_owner = np.argsort(owner, kind="stable")
    found = np.searchsorted(owner[by_owner], nodes)
    known = np.append(owner[by_owner], -1)
    bad = np.flatnonzero(known[found] != nodes)
    if len(bad):
        raise layout.place_of(int(nodes[bad[0]]), "split_type").error("a split by category has no set of categories")
    if (known[np.minimum(found + 1, len(owner))] == nodes).any():
        raise layout.trees[0].error("a split has two sets of categories")
    pick = by_owner[found]
    return np.concatenate(begins)[pick], np.concatenate(sizes)[pick], np.concatenate(members)

"""One tree as something to draw, read from whatever op holds the trees at a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp
from xdsl.traits import SymbolTable

from treec.frontends.base import Forest, Missing, Test, Trees
from treec.passes.algo.packed import load_word
from treec.treeir.forest import ModelOp
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import BitFieldAttr, PackedTreesOp, RanksOp

MAX_DEPTH = 6
"""Levels of inner nodes that are drawn; what is below becomes a count."""

SHOWN_CATEGORIES = 4
_SIGNS = {Test.LESS: "<", Test.LESS_EQUAL: "≤", Test.EQUAL: "="}


@dataclass(frozen=True)
class DrawnNode:
    """``lines``: the label; ``kind``: node, leaf or cut; ``children``: none, or the true and the false branch; ``missing``:
    which of them missing values take, None if none are missing; ``about``: the whole story, for a tooltip."""

    lines: tuple[str, ...]
    kind: str
    about: str
    children: tuple[DrawnNode, ...] = ()
    missing: int | None = None


@dataclass(frozen=True)
class Drawing:
    """``memory``: depth of each record in the order they lie in memory, for levels that have one."""

    title: str
    root: DrawnNode
    memory: tuple[int, ...] = ()


def draw(module: ModuleOp, source: Forest, tree: int) -> Drawing | None:
    """The tree as the lowest level in the module has it; None if no op holds it. ``source`` gives feature names."""
    models = [op for op in module.ops if isinstance(op, ModelOp)]
    if not models:
        return None
    forest = forest_of(models[0])
    if not isinstance(forest.trees, Trees):
        return None
    names = source.inputs.names
    packed = next((op for op in module.ops if isinstance(op, PackedTreesOp)), None)
    if packed is not None:
        return _Packed(packed, forest, names, tree).drawing()
    return _Plain(forest, forest.trees, names, tree).drawing()


class _Labels:
    """Words for predicates and leaves."""

    def __init__(self, forest: Forest, names: tuple[str, ...] | None) -> None:
        self.forest = forest
        self.names = names

    def column(self, column: int) -> str:
        name = self.names[column] if self.names is not None else ""
        return name if name and not name.isdigit() else f"f{column}"

    def test(self, feature: str, test: int, operand: Any, category_set: int) -> tuple[str, str]:
        """In short, and in full."""
        if test != Test.IN_SET:
            return f"{feature} {_SIGNS[Test(test)]} {number(operand)}", f"{feature} {_SIGNS[Test(test)]} {operand!s}"
        codes = categories(self.forest, category_set)
        shown = ", ".join(map(str, codes[:SHOWN_CATEGORIES])) + (", …" if len(codes) > SHOWN_CATEGORIES else "")
        return f"{feature} in {{{shown}}}", f"{feature} in {{{', '.join(map(str, codes))}}}"

    def leaf(self, row: int, leaf: int, leaf_id: int) -> DrawnNode:
        values = self.forest.leaves.values[row]
        shown = ", ".join(number(value) for value in values[:2]) + (", …" if len(values) > 2 else "")
        text = shown if len(values) == 1 else f"[{shown}]"
        about = f"leaf {leaf} (the library's {leaf_id}), row {row} of the values: {', '.join(map(str, values.tolist()))}"
        return DrawnNode((text,), "leaf", about)


def cut(n_nodes: int) -> DrawnNode:
    """What is not drawn, as a count."""
    nodes = f"{n_nodes:,} node{'s' if n_nodes != 1 else ''}"
    return DrawnNode((f"… {nodes}",), "cut", f"{nodes} and {n_nodes + 1:,} leaves are not drawn")


def number(value: Any) -> str:
    """Five significant digits, enough to tell thresholds apart in a picture."""
    return f"{float(value):.5g}"


def categories(forest: Forest, category_set: int) -> list[int]:
    """The codes in a set, ascending."""
    predicates = forest.predicates
    words = predicates.set_words[predicates.set_offset[category_set] : predicates.set_offset[category_set + 1]]
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).tolist()


def missing_words(missing: int, left: bool) -> str:
    if missing == Missing.NONE:
        return "no value is missing"
    which = "NaN" if missing == Missing.NAN else "zero and NaN"
    return f"{which} → {'true' if left else 'false'} branch"


class _Plain:
    """From ``forest.trees`` and ``forest.predicates``."""

    def __init__(self, forest: Forest, trees: Trees, names: tuple[str, ...] | None, tree: int) -> None:
        self.forest = forest
        self.words = _Labels(forest, names)
        self.number = tree
        place = int(trees.places()[tree])
        nodes = slice(int(trees.node_offset[place]), int(trees.node_offset[place + 1]))
        leaves = slice(int(trees.leaf_offset[place]), int(trees.leaf_offset[place + 1]))
        self.predicate, self.left, self.right = trees.predicate[nodes], trees.left[nodes], trees.right[nodes]
        self.leaf_row, self.leaf_id = trees.leaf_row[leaves], trees.leaf_id[leaves]

    def drawing(self) -> Drawing:
        root = self._node(0, 0) if len(self.predicate) else self._child(-1, 0)
        return Drawing(f"tree {self.number} in the forest dialect: predicates, leaf values", root)

    def _child(self, child: int, depth: int) -> DrawnNode:
        if child < 0:
            leaf = ~child
            return self.words.leaf(int(self.leaf_row[leaf]), leaf, int(self.leaf_id[leaf]))
        if depth >= MAX_DEPTH:
            return cut(self._last(child) - child + 1)
        return self._node(child, depth)

    def _last(self, node: int) -> int:
        """The last node below in preorder."""
        while True:
            below = int(self.right[node]) if self.right[node] >= 0 else int(self.left[node])
            if below < 0:
                return node
            node = below

    def _node(self, node: int, depth: int) -> DrawnNode:
        p, at = self.forest.predicates, int(self.predicate[node])
        column = int(self.forest.inputs.column[p.input[at]])
        short, full = self.words.test(self.words.column(column), int(p.test[at]), p.threshold[at], int(p.category_set[at]))
        missing, left = int(p.missing[at]), bool(p.missing_left[at])
        return DrawnNode(
            (short,),
            "node",
            f"node {node}, predicate {at}: {full}; {missing_words(missing, left)}",
            (self._child(int(self.left[node]), depth + 1), self._child(int(self.right[node]), depth + 1)),
            None if missing == Missing.NONE else int(not left),
        )


class _Packed:
    """From the records of ``plan.packed_trees``, decoded as the walk does (see `treec.passes.algo.packed`)."""

    def __init__(self, op: PackedTreesOp, forest: Forest, names: tuple[str, ...] | None, tree: int) -> None:
        self.forest = forest
        self.words = _Labels(forest, names)
        self.number = tree
        self.place = int(forest.trees.places()[tree])
        base = op.node_base.array
        self.first, end = int(base[self.place]), int(base[self.place + 1])
        self.records = op.nodes.array[self.first : end]
        self.size = self.records.dtype.itemsize
        self.step = decode(self.records, op.fields)["step"]
        self._read_predicates(op)
        self.kinds = op.kinds.array
        self.leaf_row = None if op.leaf_row is None else op.leaf_row.array
        self.leaf_id = None if op.leaf_id is None else op.leaf_id.array

    def _read_predicates(self, op: PackedTreesOp) -> None:
        records, fields, self.predicate = self.records, op.fields, None
        if op.predicates is not None and op.predicate_fields is not None:
            self.predicate = decode(self.records, op.fields)["predicate"]
            records, fields = op.predicates.array[self.predicate], op.predicate_fields
        self.asked = decode(records, fields)
        self.ranks = ranks_of_trees(op)
        self.threshold = records["threshold"] if self.ranks is None else self.asked["threshold"]

    def drawing(self) -> Drawing:
        depths = np.zeros(len(self.step), np.int64)
        root = self._node(0, len(self.step), 0, 0) if len(self.step) else self._leaf(0, 0)
        self._fill_depths(depths)
        title = f"tree {self.number} as packed records of {self.size} bytes: position, step to the right child"
        return Drawing(title, root, tuple(depths.tolist()))

    def _fill_depths(self, depths: NDArray[np.int64]) -> None:
        """A right child's depth is one more than its parent's, a left child's likewise: level by level from the steps."""
        n = len(depths)
        ends = np.full(n, n, np.int64)
        level = np.zeros(min(n, 1), np.int64)
        depth = 0
        while len(level):
            depths[level] = depth
            right = level + self.step[level]
            ends_left, ends_right = right, ends[level]
            left = level + 1
            has_left, has_right = left < ends_left, right < ends_right
            ends[left[has_left]] = ends_left[has_left]
            ends[right[has_right]] = ends_right[has_right]
            level = np.concatenate([left[has_left], right[has_right]])
            depth += 1

    def _leaf(self, at: int, lefts: int) -> DrawnNode:
        leaf = self.first + self.place + at - lefts
        row = leaf if self.leaf_row is None else int(self.leaf_row[leaf])
        leaf_id = 2 * at - lefts if self.leaf_id is None else int(self.leaf_id[leaf])
        return self.words.leaf(row, leaf, leaf_id)

    def _below(self, at: int, end: int, lefts: int, depth: int) -> DrawnNode:
        if at == end:
            return self._leaf(at, lefts)
        return cut(end - at) if depth >= MAX_DEPTH else self._node(at, end, lefts, depth)

    def _node(self, at: int, end: int, lefts: int, depth: int) -> DrawnNode:
        step, column = int(self.step[at]), int(self.asked["feature"][at])
        test, missing, _ = (int(value) for value in self.kinds[int(self.asked["kind"][at])])
        if self.ranks is not None:
            return self._ranked_node(self.ranks, at, end, lefts, depth)
        operand = self.threshold[at]
        category_set = int(operand.view(np.int32 if operand.itemsize == 4 else np.int64)) if test == Test.IN_SET else -1
        feature = self.words.column(int(self.forest.inputs.column[column]) if self._encoded else column)
        short, full = self.words.test(feature, test, operand, category_set)
        left = bool(self.asked["missing_left"][at])
        predicate = "" if self.predicate is None else f" p{int(self.predicate[at])}"
        return DrawnNode(
            (f"@{at} +{step}{predicate}", short),
            "node",
            f"record {self.first + at}: {full}; right child at +{step}; {missing_words(missing, left)}",
            (self._below(at + 1, at + step, lefts + 1, depth + 1), self._below(at + step, end, lefts, depth + 1)),
            None if missing == Missing.NONE else int(not left),
        )

    def _ranked_node(self, ranks: RanksOp, at: int, end: int, lefts: int, depth: int) -> DrawnNode:
        step, view = int(self.step[at]), int(self.asked["feature"][at])
        test, operand = int(self.kinds[int(self.asked["kind"][at])][0]), int(self.threshold[at])
        source = int(np.searchsorted(ranks.view_offset.array, view, side="right")) - 1
        feature = self.words.column(int(self.forest.inputs.column[ranks.source_input.array[source]]))
        words = f"in set {operand}" if test == Test.IN_SET else f"{_SIGNS[Test(test)]} {operand}"
        predicate = "" if self.predicate is None else f" p{int(self.predicate[at])}"
        return DrawnNode(
            (f"@{at} +{step}{predicate}", f"rank of {feature} {words}"),
            "node",
            f"record {self.first + at}: view {view}, rank of {feature} {words}; right child at +{step}",
            (self._below(at + 1, at + step, lefts + 1, depth + 1), self._below(at + step, end, lefts, depth + 1)),
            None,
        )

    @property
    def _encoded(self) -> bool:
        """The walk reads encoded rows, whose columns are inputs."""
        return self.forest.inputs.table_offset is not None


def ranks_of_trees(op: PackedTreesOp) -> RanksOp | None:
    """The ranks that the trees' predicates are asked about, if they are."""
    module = op.parent_op()
    if op.ranks is None or module is None:
        return None
    found = SymbolTable.lookup_symbol(module, op.ranks)
    return found if isinstance(found, RanksOp) else None


def decode(records: NDArray[Any], fields: DictionaryAttr) -> dict[str, NDArray[np.int64]]:
    """The bit fields of records, i64 each."""
    word = load_word(records)
    found: dict[str, NDArray[np.int64]] = {}
    for name, field in fields.data.items():
        if isinstance(field, BitFieldAttr):
            mask = np.uint64((1 << field.width.data) - 1)
            found[name] = ((word >> np.uint64(min(field.shift.data, 63))) & mask).astype(np.int64) + field.base.data
    return found

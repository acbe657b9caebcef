"""Trees as selects between bits: the leaf of a row as a code, each bit of which is found without a walk. Pure numpy.

A row answers every predicate with one bit. Each leaf of a tree has a code; bit ``b`` of the code of a row's leaf is a
function of the answers: at a node, the bit of the child on the true side where the predicate is true, else that of the
other child. So a node's bit is nothing new where both children have the same bit, or one of them has none; the predicate
itself, where it is 1 on the true side and 0 on the other; else one select between two bits. Bits live in *slots*: those
of the predicates first, then one of zeros and one of ones, then a tree's own selects in their order.

Codes: the first ``cut`` answers on the way to a leaf are bits of their own (a *path*, highest first, 1 for true; a leaf
above leaves the bits below free), and a subtree below numbers its leaves one after the other (an *index*, see
`treec.passes.algo.leaf_order`). A cut of 0 has the fewest bits; a cut of the depth the fewest selects. Which is cheaper is
a small sum: see `Cost`.

A tree that is nearly full needs no list of selects: padded to a full one, it is a *multiplexer*, and all of one depth are
the same straight code over a table of nodes, whose bits stay in registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees
from treec.passes.algo.leaf_codes import I64, Codes, Shape, codes_of, shape_of, width_of

FREE = -1
"""A bit that may be anything."""
BYTE_BITS = 8
MOST_BITS = 12
"""Of a code: a tree's table has 2**bits leaves."""
MOST_LEVELS = 8
"""Of a multiplexer: its code grows with 2**levels."""


@dataclass(frozen=True)
class Cost:
    """What a tree costs for 512 rows, in cycles, roughly: a select of 512 bits with its loads and its store; a node of a
    multiplexer; codes from their bits, ``codes`` and ``bit`` for each; and the look-up of 512 leaf values by codes of 0, 1,
    … bits, of more ``gather``. ``widths``: bits that codes are given at least, the next of these; the fewer widths there
    are, the less code."""

    select: float = 3.0
    node: float = 1.2
    codes: float = 40.0
    bit: float = 1.0
    lookups: tuple[float, ...] = ()
    gather: float = 800.0
    widths: tuple[int, ...] = ()

    def padded(self, bits: I64) -> I64:
        """Bits rounded up to a width, where there is one."""
        widths = np.array([*self.widths, np.iinfo(np.int64).max])
        wider = widths[np.searchsorted(widths, bits)]
        return np.where(wider < widths[-1], wider, bits)

    def lookup(self, bits: I64) -> NDArray[np.float64]:
        known = np.array([*self.lookups, self.gather])
        return known[np.minimum(bits, len(self.lookups))]


@dataclass(frozen=True, eq=False)
class SlicedTrees:
    """T trees over P predicates.

    ``select`` i64[S, 3]: slots of the condition, of what is taken where it is true, and where it is not;
    ``select_offset`` i64[T + 1]; the k-th select of a tree makes slot ``P + 2 + k``. ``bits`` i64[sum]: slots of a code's
    bits, lowest first; ``bit_offset`` i64[T + 1]. ``node`` i64[sum]: slots of the nodes of trees that are multiplexers, in
    preorder, the true side first; ``node_offset`` i64[T + 1], with 2**bits - 1 nodes of such a tree and none of others;
    its bits are not in slots, and ``bits`` has the slot of zeros for them. ``leaf`` i64[sum]: the leaf of each code, among
    all leaves; ``code_offset`` i64[T + 1], tree t has 2**(its bits) codes.
    """

    n_predicates: int
    select: I64
    select_offset: I64
    bits: I64
    bit_offset: I64
    node: I64
    node_offset: I64
    leaf: I64
    code_offset: I64

    @property
    def n_slots(self) -> int:
        return self.n_predicates + 2 + int(np.diff(self.select_offset).max(initial=0))


def slice_trees(
    trees: Trees,
    slot: I64,
    n_predicates: int,
    numbering: str = "auto",
    multiplex: str = "auto",
    cost: Cost | None = None,
) -> SlicedTrees:
    """Selects and codes of all trees.

    ``slot`` i64[predicates of the model]: which of the ``n_predicates`` distinct ones each is. ``numbering``: ``path``,
    ``index``, or ``auto`` for the cheapest cut of each tree. ``multiplex``: which trees are multiplexers, ``all``, ``none``
    or, where it is cheaper, ``auto``. Raises `ValueError` naming the first tree that has more leaves than the widest code,
    or more levels than a multiplexer where all are to be one.
    """
    shape = shape_of(trees, slot)
    cost = cost or Cost()
    form = _forms(shape, n_predicates, numbering, multiplex, cost)
    codes = codes_of(shape, form.cut, np.ones(shape.n_trees, np.bool_))
    return _selects(shape, codes, n_predicates, form.is_full, form.width(cost))


@dataclass(frozen=True, eq=False)
class SliceSizes:
    """How many selects, nodes of a multiplexer and bits of a code each tree has, i64[T] each."""

    n_predicates: int
    selects: I64
    nodes: I64
    bits: I64

    @property
    def n_slots(self) -> int:
        return self.n_predicates + 2 + int(self.selects.max(initial=0))


def slice_sizes(trees: Trees, slot: I64, n_predicates: int, cost: Cost) -> SliceSizes:
    """The sizes of what `slice_trees` makes, in a part of its time: for estimates."""
    form = _forms(shape_of(trees, slot), n_predicates, "auto", "auto", cost)
    nodes = np.where(form.is_full, (1 << np.where(form.is_full, form.bits, 0)) - 1, 0)
    return SliceSizes(n_predicates, np.where(form.is_full, 0, form.selects), nodes, form.width(cost))


@dataclass(frozen=True, eq=False)
class _Forms:
    """What each tree becomes: a multiplexer if ``is_full`` bool[T], else so many ``selects`` i64[T]; ``cut``, ``bits`` of
    codes, i64[T]."""

    is_full: NDArray[np.bool_]
    cut: I64
    bits: I64
    selects: I64

    def width(self, cost: Cost) -> I64:
        """Bits of codes as tables have them."""
        return np.where(self.is_full, self.bits, cost.padded(self.bits))


_LATEST: dict[bytes, _Forms] = {}
"""The latest forms, by all that they follow from."""


def _forms(shape: Shape, n_predicates: int, numbering: str, multiplex: str, cost: Cost) -> _Forms:
    """The cheapest form of each tree of those that are allowed; raises as `slice_trees`. Made once for an estimate and for
    the trees that are then sliced: it takes as long as all the rest."""
    asked = blake2b(repr((n_predicates, numbering, multiplex, cost)).encode(), digest_size=32)
    for column in (shape.predicate, shape.true, shape.false, shape.leaf_tree):
        asked.update(repr(column.shape).encode() + np.ascontiguousarray(column, np.int64).tobytes())
    key = asked.digest()
    found = _LATEST.get(key)
    if found is None:
        found = _cheapest(shape, n_predicates, numbering, multiplex, cost)
        _LATEST.clear()
        _LATEST[key] = found
    return found


def _cheapest(shape: Shape, n_predicates: int, numbering: str, multiplex: str, cost: Cost) -> _Forms:
    n_leaves = np.bincount(shape.leaf_tree, minlength=shape.n_trees)
    if n_leaves.max(initial=1) > 1 << MOST_BITS:
        tree = int(n_leaves.argmax())
        limit = f"a code has at most {MOST_BITS} bits: {1 << MOST_BITS:,} leaves"
        raise ValueError(f"tree {tree} has {int(n_leaves[tree]):,} leaves, and {limit}")
    levels = shape.depths + 1
    if multiplex == "all" and levels.max(initial=0) > MOST_LEVELS:
        tree = int(levels.argmax())
        raise ValueError(f"tree {tree} has {int(levels[tree])} levels, and a multiplexer at most {MOST_LEVELS}")
    cut, selects, spent = _cuts(shape, n_leaves, n_predicates, numbering, cost)
    is_full = np.full(shape.n_trees, multiplex == "all") & (levels > 0)
    if multiplex == "auto" and numbering != "index":
        by_nodes = cost.node * ((1 << np.minimum(levels, MOST_LEVELS)) - 1) + cost.bit * levels + cost.lookup(levels)
        is_full = (levels > 0) & (levels <= MOST_LEVELS) & (by_nodes < spent)
    cut = np.where(is_full, levels, cut)
    return _Forms(is_full, cut, shape.code_bits(cut), selects)


def _cuts(
    shape: Shape, n_leaves: I64, n_predicates: int, numbering: str, cost: Cost
) -> tuple[I64, I64, NDArray[np.float64]]:
    """The cut of each tree, its selects then, and what it costs with them."""
    limit = max(BYTE_BITS, int(width_of(n_leaves).max(initial=0)))
    deepest = int(shape.depths.max(initial=-1))
    best, selects = np.zeros(shape.n_trees, np.int64), np.zeros(shape.n_trees, np.int64)
    least, spent = np.full(shape.n_trees, np.inf), np.full(shape.n_trees, np.inf)
    for cut in range(1 if numbering == "index" else min(limit, deepest + 1) + 1):
        cuts = np.full(shape.n_trees, cut)
        fits = shape.code_bits(cuts) <= limit
        if not fits.any():
            continue
        codes = codes_of(shape, cuts, fits)
        count = _count_selects(shape, codes, n_predicates, fits)
        costs = cost.select * count + cost.bit * codes.bits + cost.lookup(codes.bits)
        order = np.where(fits, -float(cut) if numbering == "path" else costs, np.inf)
        better = order < least
        best, selects = np.where(better, cut, best), np.where(better, count, selects)
        spent, least = np.where(better, costs, spent), np.minimum(order, least)
    return best, selects, spent


def _count_selects(shape: Shape, codes: Codes, n_predicates: int, trees: NDArray[np.bool_]) -> I64:
    made = _Emission(shape, codes, n_predicates, trees, listed=False)
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *made.owner]), minlength=shape.n_trees)


class _Emission:
    """The bits of every node of some trees, from the deepest up; selects are numbered as they are made, and ``listed`` or
    only counted."""

    def __init__(self, shape: Shape, codes: Codes, n_predicates: int, trees: NDArray[np.bool_], *, listed: bool) -> None:
        self.shape, self.listed = shape, listed
        self.zero, self.one = n_predicates, n_predicates + 1
        self.first = n_predicates + 2
        n_nodes, width = len(shape.tree), int(codes.bits[trees].max(initial=0))
        # Time goes by bytes.
        self.dtype: type[np.signedinteger] = np.int32 if self.first + n_nodes * width < 1 << 31 else np.int64
        self.slot = np.empty((n_nodes + len(shape.leaf_tree), width), self.dtype)  # of nodes, then of leaves
        kinds = np.array([FREE, FREE, self.zero, self.one], self.dtype)
        self.slot[n_nodes:] = kinds[_bits(codes.care, width) << 1 | _bits(codes.code, width)]
        self.sides = [np.where(side >= 0, side, n_nodes + ~side) for side in (shape.true, shape.false)]
        self.owner: list[I64] = []
        self.made: list[NDArray[np.signedinteger]] = []
        for level in shape.levels_of(trees)[::-1]:
            self._level(level)

    def _level(self, level: I64) -> None:
        true, false = (self.slot[side[level]] for side in self.sides)
        predicate = self.shape.predicate[level].astype(self.dtype)[:, None]
        result = np.where((true == false) | (false == FREE), true, np.where(true == FREE, false, FREE - 1))
        np.copyto(result, predicate, where=(true == self.one) & (false == self.zero))
        node, bit = np.nonzero(result == FREE - 1)
        result[node, bit] = self.first + np.arange(len(node), dtype=self.dtype)
        self.first += len(node)
        self.slot[level] = result
        self.owner.append(self.shape.tree[level][node])
        if self.listed:
            self.made.append(np.stack([predicate[node, 0], true[node, bit], false[node, bit]], axis=1))


def _bits(numbers: I64, width: int) -> NDArray[np.uint8]:
    """The lowest bits of numbers of at most 16, the lowest first, [n, width]."""
    pairs = numbers.astype("<u2").view(np.uint8).reshape(-1, 2)
    return np.unpackbits(pairs, axis=1, count=width, bitorder="little")


def _selects(shape: Shape, codes: Codes, n_predicates: int, is_full: NDArray[np.bool_], width: I64) -> SlicedTrees:
    """The tables of all trees; codes have ``width`` bits, the upper ones 0."""
    made = _Emission(shape, codes, n_predicates, ~is_full, listed=True)
    owner = np.concatenate([np.zeros(0, np.int64), *made.owner])
    select = np.concatenate([np.zeros((0, 3), np.int64), *made.made])
    order = np.argsort(owner, kind="stable")  # what a select needs was made before it
    offset = np.searchsorted(owner[order], np.arange(shape.n_trees + 1))
    local = np.empty(len(owner), np.int64)
    local[order] = np.arange(len(order)) - offset[owner[order]]
    slot = np.concatenate([np.arange(n_predicates + 2), n_predicates + 2 + local])
    bit_offset = np.concatenate([[0], np.cumsum(width)])
    tree = np.repeat(np.arange(shape.n_trees), width)
    bit = np.arange(len(tree)) - bit_offset[tree]
    used = (bit < codes.bits[tree]) & ~is_full[tree]
    bits = np.full(len(tree), made.zero, np.int64)
    found = made.slot[shape.root[tree[used]], bit[used]]
    bits[used] = np.where(found == FREE, made.zero, found)  # free in every leaf
    node, node_offset = _padded(shape, np.where(is_full, codes.bits, 0), made.zero)
    leaf, code_offset = _leaves(shape, codes, width)
    return SlicedTrees(
        n_predicates, slot[select[order]], offset, slot[bits], bit_offset, node, node_offset, leaf, code_offset
    )


def _padded(shape: Shape, levels: I64, zero: int) -> tuple[I64, I64]:
    """Slots of the nodes of trees padded to so many levels, in preorder, and where each tree's begin; ``zero`` stands
    below leaves."""
    offset = np.concatenate([[0], np.cumsum((1 << levels) - 1)]).astype(np.int64)
    node = np.full(int(offset[-1]), zero, np.int64)
    place = offset[shape.tree]
    for level in shape.levels:
        level = level[levels[shape.tree[level]] > 0]
        node[place[level]] = shape.predicate[level]
        skipped = 1 << (levels[shape.tree[level]] - 1 - shape.depth[level])
        for side, step in ((shape.true[level], 1), (shape.false[level], skipped)):
            inner = side >= 0
            place[side[inner]] = (place[level] + step)[inner]
    return node, offset


def _leaves(shape: Shape, codes: Codes, width: I64) -> tuple[I64, I64]:
    """The leaf of every code: a leaf has all codes that agree where it cares; codes of no leaf have a tree's first."""
    code_offset = np.concatenate([[0], np.cumsum(1 << width)]).astype(np.int64)
    first = np.searchsorted(shape.leaf_tree, np.arange(shape.n_trees))
    leaf = np.repeat(first, 1 << width)
    bits = codes.bits[shape.leaf_tree]
    span = (1 << bits) - codes.care  # free bits are the lowest ones
    at = np.repeat(code_offset[shape.leaf_tree] + codes.code, span)
    within = np.arange(len(at)) - np.repeat(np.cumsum(span) - span, span)
    leaf[at + within] = np.repeat(np.arange(len(span)), span)
    return leaf, code_offset

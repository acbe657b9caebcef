"""The walk by a path matrix: all predicates of a tree are asked, and counts say which leaf's conditions all hold."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from treec.errors import CodegenError
from treec.frontends.base import CategoryCast
from treec.passes.algo.path_matrix import WORD_LEAVES
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.scalar_walk import ScalarWalk
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.blob import BlobAttr
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan import PackedTreesOp, WalkOp

HITS = 0x80808080 - (1 << 32)
"""The highest bit of each byte, as an i32."""
NUMBERS = 0x00010203
"""Times the lowest bit of byte k, its highest byte is k."""


class GemmWalk(ScalarWalk):
    """Emits products with one ``plan.path_matrix`` (`treec.passes.algo.path_matrix`). A visit's state are the words of its
    tree: each node adds its own times the row's answer, four products at once. Rows that are together share what is loaded.
    """

    def __init__(
        self,
        walk: WalkOp,
        packed: PackedTreesOp,
        paths: PathMatrixOp,
        tables: Tables,
        category_cast: CategoryCast,
        depth: Depth,
    ) -> None:
        super().__init__(walk, packed, tables, category_cast, depth)
        self.paths, self.n_words = paths, paths.n_words

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        tree = visits[0].tree
        if any(visit.tree is not tree for visit in visits):
            raise CodegenError("rows that are multiplied together are in one tree")
        base = self._base(b, tree)
        start = self._words(b, "path_start", self.paths.start, tree)

        def one(t: LoopBuilder, node: SSAValue, carried: Values) -> Values:
            return self._node(t, visits, node, carried, read)

        words = start * len(visits)
        if self.depth.deepest:
            words = b.for_(base, self._base(b, b.add(tree, 1)), one, initial=words, label="node")
        found = [self._leaf(b, words[at : at + self.n_words]) for at in range(0, len(words), self.n_words)]
        return [Landing(tree, base, b.add(base, leaf), b.constant(0)) for leaf in found]

    def _words(self, b: LoopBuilder, name: str, table: BlobAttr, line: SSAValue) -> Values:
        """A line of a table of words."""
        buffer = b.table(self.tables.of(name, table))
        first = line if self.n_words == 1 else b.mul(line, self.n_words)
        return [b.load(buffer, b.add(first, at)) for at in range(self.n_words)]

    def _node(self, b: LoopBuilder, visits: Sequence[Visit], node: SSAValue, carried: Values, read: ReadValue) -> Values:
        """All words after a node was asked."""
        record = self._record(b, self.node_table(), self.packed.fields, self._copied(b, node), self.copies)
        path = self._words(b, "path", self.paths.path, node)
        result: Values = []
        for at, visit in enumerate(visits):
            answer = b.cast(CastKind.ZEXT, self._goes_left(b, record, visit, read), i32)
            words = carried[at * self.n_words : (at + 1) * self.n_words]
            result += [b.add(word, b.mul(answer, change)) for word, change in zip(words, path, strict=True)]
        return result

    def _leaf(self, b: LoopBuilder, words: Values) -> SSAValue:
        """The number (i64) in its tree of the only leaf whose byte has its highest bit."""
        hit, first = b.both(words[0], b.constant(HITS, i32)), b.constant(0, i32)
        for at, word in enumerate(words[1:], 1):
            here = b.both(word, b.constant(HITS, i32))
            found = b.compare(CompareKind.NE, here, 0)
            hit = b.select(found, here, hit)
            first = b.select(found, b.constant(at * WORD_LEAVES, i32), first)
        byte = b.binary(BinaryKind.SHR, b.mul(b.binary(BinaryKind.SHR, hit, 7), NUMBERS), 24)
        return b.cast(CastKind.ZEXT, b.add(first, byte), i64)

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        return b.load_index(b.table(self.tables.of("leaf_id", self.paths.leaf_id)), landing.leaf(b))

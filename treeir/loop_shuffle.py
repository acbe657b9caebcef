"""Look-up and rearrangement of lanes in the loop dialect: what permutes of registers do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, VectorType, i8, i16, i32, i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, Scope, is_vector, lanes_of, scalar_of, vector_like

BYTE_ROWS = 64
"""Rows that an i64 has a bit for."""
MOST_LEVELS = 8
"""Levels of a multiplexer: it is straight code, 2**levels - 1 nodes."""


@irdl_op_definition
class ShuffleOp(IRDLOperation):
    """Lane l of the result is lane ``index[l]`` of ``table``, modulo its length, which is a power of two. ``index`` may
    have another length."""

    name = "loop.shuffle"
    table = operand_def()
    index = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$table `[` $index `]` attr-dict `:` type($table) `,` type($index) `->` type($result)"

    def __init__(self, table: SSAValue, index: SSAValue) -> None:
        super().__init__(operands=[table, index], result_types=[vector_like(index.type, scalar_of(table.type))])

    def verify_(self) -> None:
        table, index, result = self.table.type, self.index.type, self.result.type
        if not (is_vector(table) and is_vector(index) and scalar_of(index) in (i8, i32)):
            raise VerifyException(f"a vector is looked up by a vector of i8 or i32, not {table} by {index}")
        if lanes_of(table).bit_count() != 1:
            raise VerifyException(f"a table has a power of two of lanes, not {lanes_of(table)}")
        if result != vector_like(index, scalar_of(table)):
            raise VerifyException(f"lanes of {table} looked up by {index} are no {result}")


@irdl_op_definition
class InterleaveOp(IRDLOperation):
    """The lanes of two vectors in turn: lane 0 of ``lhs``, lane 0 of ``rhs``, lane 1 of ``lhs`` …; ``low`` is the first
    half of that and ``high`` the second."""

    name = "loop.interleave"
    T: ClassVar = VarConstraint("T", AnyAttr())
    lhs = operand_def(T)
    rhs = operand_def(T)
    low = result_def(T)
    high = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue) -> None:
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type, lhs.type])

    def verify_(self) -> None:
        if not is_vector(self.lhs.type) or lanes_of(self.lhs.type) % 2:
            raise VerifyException(f"expected vectors of an even number of lanes, not {self.lhs.type}")


@irdl_op_definition
class TransposeBitsOp(IRDLOperation):
    """Numbers from their bits: ``words[b]`` has bit b of each number, 64 numbers a lane. Byte r of result l is the number
    whose bits are bit r of lane l of every word; there are at most 8."""

    name = "loop.transpose_bits"
    words = var_operand_def()
    results_ = var_result_def(VectorType(i8, [BYTE_ROWS]))
    traits = traits_def(Pure())
    assembly_format = "$words attr-dict `:` type($words) `->` type($results_)"

    def __init__(self, words: Sequence[SSAValue]) -> None:
        lanes = lanes_of(words[0].type)
        super().__init__(operands=[list(words)], result_types=[[VectorType(i8, [BYTE_ROWS])] * lanes])

    def verify_(self) -> None:
        if not 1 <= len(self.words) <= 8:
            raise VerifyException(f"a byte has 1 to 8 bits, not {len(self.words)}")
        type_ = self.words[0].type
        if not is_vector(type_) or scalar_of(type_) != i64 or any(word.type != type_ for word in self.words):
            raise VerifyException(f"bits come in vectors of i64 of one length, not in {type_}")
        if len(self.results_) != lanes_of(type_):
            raise VerifyException(f"{lanes_of(type_)} lanes make as many vectors of bytes, not {len(self.results_)}")


@irdl_op_definition
class MultiplexOp(IRDLOperation):
    """The leaves of full binary trees, for all rows of a word: numbers of ``levels`` bits, the answers on the way down, the
    root's highest.

    ``nodes[first + k]`` is the row of ``slots`` that holds the answers of the tree's node k, counted in preorder, the side
    of true answers first; ``lanes`` integers of it, from ``word`` on, are asked. The numbers are stored in ``codes`` from
    ``place`` on, 64 for each lane.
    """

    name = "loop.multiplex"
    slots = operand_def(BufferType)
    word = operand_def(i64)
    nodes = operand_def(BufferType)
    first = operand_def(i64)
    codes = operand_def(BufferType)
    place = operand_def(i64)
    levels = prop_def(IntegerAttr)
    lanes = prop_def(IntegerAttr)
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())
    assembly_format = (
        "$levels `of` $nodes `[` $first `]` `in` $slots `[` $word `]` `by` $lanes `to` $codes `[` $place `]` attr-dict "
        "`:` type($nodes) `,` type($slots) `,` type($codes)"
    )

    def __init__(
        self,
        levels: int,
        lanes: int,
        nodes: tuple[SSAValue, SSAValue],
        slots: tuple[SSAValue, SSAValue],
        codes: tuple[SSAValue, SSAValue],
    ) -> None:
        super().__init__(
            operands=[*slots, *nodes, *codes],
            properties={"levels": IntegerAttr(levels, i64), "lanes": IntegerAttr(lanes, i64)},
        )

    def verify_(self) -> None:
        slots, nodes, codes, levels = self.slots.type, self.nodes.type, self.codes.type, self.levels.value.data
        if not isinstance(slots, BufferType) or slots.rank.data != 2 or slots.element != i64:
            raise VerifyException(f"answers are in a buffer of i64 of rank 2, not in {slots}")
        if not isinstance(nodes, BufferType) or nodes.rank.data != 1 or nodes.element not in (i8, i16, i32):
            raise VerifyException(f"nodes are in a buffer of i8, i16 or i32 of rank 1, not in {nodes}")
        if not isinstance(codes, BufferType) or codes.rank.data != 1 or codes.element != i8:
            raise VerifyException(f"numbers are stored in a buffer of i8 of rank 1, not in {codes}")
        if codes.scope.data is Scope.CONSTANT:
            raise VerifyException("a constant table can't be written")
        if not 1 <= levels <= MOST_LEVELS:
            raise VerifyException(f"a multiplexer has 1 to {MOST_LEVELS} levels, not {levels}")
        if self.lanes.value.data < 1:
            raise VerifyException("a word has at least one lane")

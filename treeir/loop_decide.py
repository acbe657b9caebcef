"""A tree as code: nodes are branches, and what they compare with are constants.

One op holds a whole tree, however many nodes it has: its numbers are blobs, and each *question*, a region, is the code of
all nodes that ask in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, f32, f64, i1, i64
from xdsl.ir import Attribute, Region
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, result_def, traits_def, var_region_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import RecursiveMemoryEffect
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.loop_control import YieldOp

DTYPES: dict[Attribute, str] = {f32: "<f4", f64: "<f8", i64: "<i8"}
"""Types of constants, and the dtypes that hold them."""


@dataclass(frozen=True)
class NodeCode:
    """How some nodes ask: ``body`` takes their constants and yields an i1; ``constants``: a blob for each argument, with an
    entry for each of these nodes."""

    body: Region
    constants: Sequence[BlobAttr]


@irdl_op_definition
class DecideOp(IRDLOperation):
    """Go down a tree whose nodes are code, from node 0 to a leaf; the result is that leaf's constant.

    ``nodes`` i32 [N, 4]: behind a true and behind a false answer, a later node or ``~leaf``; the question; the node's place
    among those that ask it. ``leaves`` [L] of f32, f64 or i64. ``constants``: for each question and each of its arguments,
    a blob with an entry per node. A question is asked at the nodes that a row meets, and at no others.
    """

    name = "loop.decide"
    nodes = prop_def(BlobAttr)
    leaves = prop_def(BlobAttr)
    constants = prop_def(ArrayAttr[ArrayAttr[BlobAttr]])
    result = result_def()
    questions = var_region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    def __init__(self, nodes: BlobAttr, leaves: BlobAttr, questions: Sequence[NodeCode], type_: Attribute) -> None:
        super().__init__(
            properties={
                "nodes": nodes,
                "leaves": leaves,
                "constants": ArrayAttr([ArrayAttr(question.constants) for question in questions]),
            },
            result_types=[type_],
            regions=[[question.body for question in questions]],
        )

    def verify_(self) -> None:
        nodes, n_leaves = self.nodes.array, len(self.leaves.array)
        if nodes.ndim != 2 or nodes.shape[1] != 4 or nodes.dtype != np.int32 or len(nodes) == 0:
            raise VerifyException("nodes are i32 [N, 4], at least one")
        if self.leaves.array.ndim != 1 or self.leaves.array.dtype.str != DTYPES.get(self.result.type):
            raise VerifyException(f"leaves of dtype {self.leaves.array.dtype} are not {self.result.type}")
        children, later = nodes[:, :2], np.arange(len(nodes))[:, None]
        if np.any((children >= 0) & ((children <= later) | (children >= len(nodes)))):
            raise VerifyException("a child is a later node")
        if np.any(children < -n_leaves):
            raise VerifyException(f"there are {n_leaves} leaves")
        if len(self.constants) != len(self.questions):
            raise VerifyException("each question has constants")
        if np.any((nodes[:, 2] < 0) | (nodes[:, 2] >= len(self.questions))):
            raise VerifyException(f"there are {len(self.questions)} questions")
        for number in range(len(self.questions)):
            self._verify_question(number)

    def _verify_question(self, number: int) -> None:
        block, constants = self.questions[number].block, self.constants.data[number]
        places = self.nodes.array[self.nodes.array[:, 2] == number, 3]
        if len(block.args) != len(constants):
            raise VerifyException(f"question {number} has constants for each of its arguments")
        for argument, blob in zip(block.args, constants, strict=True):
            array = blob.array
            if array.ndim != 1 or array.dtype.str != DTYPES.get(argument.type):
                raise VerifyException(f"question {number}: constants of dtype {array.dtype} are not {argument.type}")
            if len(places) and (places.min() < 0 or places.max() >= len(array)):
                raise VerifyException(f"question {number}: a node has no constants")
        last = block.last_op
        if not isinstance(last, YieldOp) or [value.type for value in last.values] != [i1]:
            raise VerifyException("a question yields one i1")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.nodes)
        printer.print_string(" leaves ")
        printer.print_attribute(self.leaves)
        printer.print_string(" : ")
        printer.print_attribute(self.result.type)
        for constants, question in zip(self.constants, self.questions, strict=True):
            printer.print_string(" ask (")
            printer.print_list(question.block.args, printer.print_block_argument)
            printer.print_string(") ")
            printer.print_attribute(constants)
            printer.print_string(" ")
            printer.print_region(question, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> DecideOp:
        nodes = _blob(parser)
        parser.parse_keyword("leaves")
        leaves = _blob(parser)
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        questions: list[NodeCode] = []
        while parser.parse_optional_keyword("ask"):
            arguments = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_argument)
            constants = parser.parse_comma_separated_list(Parser.Delimiter.SQUARE, lambda: _blob(parser))
            questions.append(NodeCode(parser.parse_region(arguments), constants))
        op = cls(nodes, leaves, questions, type_)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


def _blob(parser: Parser) -> BlobAttr:
    attribute = parser.parse_attribute()
    if not isinstance(attribute, BlobAttr):
        parser.raise_error("expected an array")
    return attribute

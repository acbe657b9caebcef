"""The forest dialect: what is computed, with no word on how. Five steps from a row to a response.

``rows → forest.inputs → forest.predicates → forest.trees → forest.sum → forest.link``. Each op holds one part of a
`treec.frontends.base.Forest`, its arrays as blobs under the same names. Names of classes and features are not computed
with: they stay with the Forest and go to the artifact's card.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    ArrayAttr,
    BoolAttr,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    UnitAttr,
    f32,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, Dialect, Operation, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, Pure, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from treec.errors import ModelError
from treec.frontends.base import CategoryCast, Final, LabelRule, Link, Missing, Test
from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import FLOATS, expect, expect_cover, expect_within, prove_preorder, prove_tiles, require
from treec.treeir.forest_types import (
    AnswersType,
    ColumnsType,
    LeavesType,
    RowsType,
    ValuesType,
    dtype_attribute,
    dtype_of,
)
from treec.treeir.printing import parse_properties, print_properties

LABEL_RULES = [rule.value for rule in LabelRule if rule is not LabelRule.NONE]

_FLOW: dict[str, tuple[type[TypeAttribute], type[TypeAttribute]]] = {
    "forest.inputs": (RowsType, ValuesType),
    "forest.predicates": (ValuesType, AnswersType),
    "forest.trees": (AnswersType, LeavesType),
    "forest.oblivious_trees": (AnswersType, LeavesType),
    "forest.sum": (LeavesType, ColumnsType),
    "forest.link": (ColumnsType, ColumnsType),
}
"""What each step takes and gives."""


class _StepOp(IRDLOperation):
    """A step of a model: one operand, one result, and columns as properties, printed one a line."""

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.operands[0])
        print_properties(printer, self)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        takes, gives = _FLOW[cls.name]
        operand = parser.resolve_operand(parser.parse_unresolved_operand(), takes())
        properties, attributes = parse_properties(parser, cls)
        return cls.create(operands=[operand], result_types=[gives()], properties=properties, attributes=attributes)


@irdl_op_definition
class InputsOp(_StepOp):
    """Rows to input values: pick columns, cast, look values up, see `treec.frontends.base.Inputs`."""

    name = "forest.inputs"
    rows = operand_def(RowsType)
    n_features = prop_def(IntegerAttr)
    dtype = prop_def(Float32Type | Float64Type)
    column = prop_def(BlobAttr)
    table_offset = opt_prop_def(BlobAttr)
    table_value = opt_prop_def(BlobAttr)
    missing_value = prop_def(FloatAttr)
    result = result_def(ValuesType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        expect("column", self.column, [np.int32])
        expect_within("column", self.column, self.n_features.value.data)
        n_inputs = len(self.column.array)
        expect("table_offset", self.table_offset, [np.int64], n_inputs + 1)
        expect("table_value", self.table_value, [np.float64])
        require((self.table_offset is None) == (self.table_value is None), "table_offset and table_value go together")
        if self.table_offset is not None and self.table_value is not None:
            expect_cover("table_offset", self.table_offset, len(self.table_value.array))


@irdl_op_definition
class PredicatesOp(_StepOp):
    """Ask every predicate, see `treec.frontends.base.Predicates`."""

    name = "forest.predicates"
    values = operand_def(ValuesType)
    input = prop_def(BlobAttr)
    test = prop_def(BlobAttr)
    threshold = prop_def(BlobAttr)
    missing = prop_def(BlobAttr)
    missing_left = prop_def(BlobAttr)
    category_set = prop_def(BlobAttr)
    invalid_left = prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    category_cast = prop_def(IntegerAttr)
    result = result_def(AnswersType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        n = len(self.input.array)
        expect("input", self.input, [np.int32])
        expect("test", self.test, [np.uint8], n)
        expect("threshold", self.threshold, FLOATS, n)
        expect("missing", self.missing, [np.uint8], n)
        expect("missing_left", self.missing_left, [np.bool_], n)
        expect("category_set", self.category_set, [np.int32], n)
        expect("invalid_left", self.invalid_left, [np.bool_], n)
        expect("set_offset", self.set_offset, [np.int64])
        expect("set_words", self.set_words, [np.uint32])
        expect_within("test", self.test, len(Test))
        expect_within("missing", self.missing, len(Missing))
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
        expect_within("category_set", self.category_set, len(self.set_offset.array) - 1, lowest=-1)
        in_set = self.test.array == Test.IN_SET
        require(bool(np.all(in_set == (self.category_set.array >= 0))), "set tests, and no others, have a category set")
        require(not np.isnan(self.threshold.array).any(), "a threshold is NaN")
        require(0 <= self.category_cast.value.data < len(CategoryCast), "unknown category cast")
        self._verify_inputs(self.values.owner)

    def _verify_inputs(self, inputs: Operation | Block) -> None:
        if isinstance(inputs, InputsOp):
            dtype = dtype_attribute(self.threshold.array.dtype)
            require(dtype == inputs.dtype, "thresholds and input values differ in dtype")
            expect_within("input", self.input, len(inputs.column.array))


@irdl_op_definition
class TreesOp(_StepOp):
    """Follow the answers to a leaf of each tree, see `treec.frontends.base.Trees`."""

    name = "forest.trees"
    answers = operand_def(AnswersType)
    node_offset = prop_def(BlobAttr)
    leaf_offset = prop_def(BlobAttr)
    predicate = prop_def(BlobAttr)
    left = prop_def(BlobAttr)
    right = prop_def(BlobAttr)
    leaf_row = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    column = prop_def(BlobAttr)
    iteration_offset = prop_def(BlobAttr)
    weight = opt_prop_def(BlobAttr)
    node_count = opt_prop_def(BlobAttr)
    leaf_count = opt_prop_def(BlobAttr)
    inverted = opt_prop_def(BlobAttr)
    order = opt_prop_def(BlobAttr)
    tile = opt_prop_def(BlobAttr)
    result = result_def(LeavesType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        n, leaves, trees = len(self.predicate.array), len(self.leaf_row.array), len(self.column.array)
        expect("node_offset", self.node_offset, [np.int64], trees + 1)
        for what, column in (("predicate", self.predicate), ("left", self.left), ("right", self.right)):
            expect(what, column, [np.int32], n)
        _verify_leaves(self, leaves, trees)
        expect("node_count", self.node_count, [np.float64], n)
        expect("inverted", self.inverted, [np.bool_], n)
        expect("order", self.order, [np.int32], trees)
        if self.order is not None:
            require(np.array_equal(np.sort(self.order.array), np.arange(trees)), "order is no permutation of the trees")
        expect_cover("node_offset", self.node_offset, n)
        prove_preorder(self.node_offset.data, self.leaf_offset.data, self.left.data, self.right.data)
        if self.tile is not None:
            expect("tile", self.tile, [np.int32], n)
            prove_tiles(self.node_offset.data, self.left.data, self.right.data, self.tile.data)
        _verify_answers(self.predicate, self.answers.owner)


@irdl_op_definition
class ObliviousTreesOp(_StepOp):
    """Leaves of trees with one predicate per level, see `treec.frontends.base.ObliviousTrees`."""

    name = "forest.oblivious_trees"
    answers = operand_def(AnswersType)
    level_offset = prop_def(BlobAttr)
    leaf_offset = prop_def(BlobAttr)
    predicate = prop_def(BlobAttr)
    leaf_row = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    column = prop_def(BlobAttr)
    iteration_offset = prop_def(BlobAttr)
    weight = opt_prop_def(BlobAttr)
    leaf_count = opt_prop_def(BlobAttr)
    result = result_def(LeavesType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        leaves, trees = len(self.leaf_row.array), len(self.column.array)
        expect("level_offset", self.level_offset, [np.int64], trees + 1)
        expect("predicate", self.predicate, [np.int32])
        _verify_leaves(self, leaves, trees)
        expect_cover("level_offset", self.level_offset, len(self.predicate.array))
        depth = np.diff(self.level_offset.array)
        require(bool(np.all(np.diff(self.leaf_offset.array) == 1 << depth)), "an oblivious tree of depth d has 2**d leaves")
        _verify_answers(self.predicate, self.answers.owner)


def _verify_leaves(op: TreesOp | ObliviousTreesOp, leaves: int, trees: int) -> None:
    """The columns that both kinds of trees have."""
    expect("leaf_offset", op.leaf_offset, [np.int64], trees + 1)
    expect("leaf_row", op.leaf_row, [np.int32], leaves)
    expect("leaf_id", op.leaf_id, [np.int32], leaves)
    expect("column", op.column, [np.int32])
    expect("iteration_offset", op.iteration_offset, [np.int32])
    expect("weight", op.weight, FLOATS, trees)
    expect("leaf_count", op.leaf_count, [np.float64], leaves)
    expect_cover("leaf_offset", op.leaf_offset, leaves)
    expect_cover("iteration_offset", op.iteration_offset, trees)


def _verify_answers(predicate: BlobAttr, predicates: Operation | Block) -> None:
    if isinstance(predicates, PredicatesOp):
        expect_within("predicate", predicate, len(predicates.input.array))


@irdl_op_definition
class SumOp(_StepOp):
    """Add leaf values up to raw outputs, see `treec.frontends.base.Leaves` and `SumRule`."""

    name = "forest.sum"
    leaves = operand_def(LeavesType)
    values = prop_def(BlobAttr)
    linear_offset = opt_prop_def(BlobAttr)
    linear_input = opt_prop_def(BlobAttr)
    linear_coefficient = opt_prop_def(BlobAttr)
    linear_const = opt_prop_def(BlobAttr)
    dtype = prop_def(Float32Type | Float64Type)
    base = prop_def(BlobAttr)
    base_first = prop_def(BoolAttr)
    final = prop_def(StringAttr)
    operand = prop_def(FloatAttr)
    bias = prop_def(FloatAttr)
    reassociate = opt_prop_def(UnitAttr)
    result = result_def(ColumnsType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        expect("values", self.values, FLOATS, ndim=2)
        expect("base", self.base, [dtype_of(self.dtype)])
        self._verify_linear(len(self.values.array))
        if self.final.data not in [f.value for f in Final]:
            raise VerifyException(f"unknown final operation {self.final.data!r}")
        trees = self.leaves.owner
        if isinstance(trees, TreesOp | ObliviousTreesOp):
            expect_within("leaf_row", trees.leaf_row, len(self.values.array))
            width = self.values.array.shape[1]
            expect_within("column", trees.column, len(self.base.array) - width + 1)

    def _verify_linear(self, n: int) -> None:
        """All parts of linear leaves, or none."""
        offset, terms = self.linear_offset, self.linear_coefficient
        parts = (offset, terms, self.linear_input, self.linear_const)
        require(len({part is None for part in parts}) == 1, "linear leaves need offset, input, coefficient and const")
        expect("linear_offset", offset, [np.int64], n + 1)
        expect("linear_const", self.linear_const, [np.float64], n)
        if offset is not None and terms is not None:
            expect("linear_coefficient", terms, [np.float64])
            expect("linear_input", self.linear_input, [np.int32], len(terms.array))
            expect_cover("linear_offset", offset, len(terms.array))


@irdl_op_definition
class LinkOp(_StepOp):
    """Raw outputs to the response, see `treec.frontends.base.Link` and ``Outputs.average``."""

    name = "forest.link"
    raw = operand_def(ColumnsType)
    link = prop_def(StringAttr)
    scale = prop_def(FloatAttr)
    average = prop_def(FloatAttr)
    result = result_def(ColumnsType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        if self.link.data not in [link.value for link in Link]:
            raise VerifyException(f"unknown link {self.link.data!r}")
        total = self.raw.owner
        if isinstance(total, SumOp) and self.link.data != Link.IDENTITY.value:
            wanted = f32 if self.link.data.startswith("xgb_") else f64
            require(total.dtype == wanted, f"{self.link.data} is a function of {wanted}, and the sum is {total.dtype}")


@irdl_op_definition
class OutputOp(IRDLOperation):
    """Ends a model: its raw outputs, response and leaves. Where its ``predict`` gives labels, ``labels`` is their
    `treec.frontends.base.LabelRule`; of several outputs ``groups`` has the columns of each."""

    name = "forest.output"
    raw = operand_def(ColumnsType)
    response = operand_def(ColumnsType)
    leaves = operand_def(LeavesType)
    labels = opt_prop_def(StringAttr)
    groups = opt_prop_def(ArrayAttr[IntegerAttr])
    traits = traits_def(IsTerminator(), Pure())
    assembly_format = "`raw` $raw `response` $response `leaves` $leaves (`labels` $labels^)? (`groups` $groups^)? attr-dict"

    def __init__(
        self,
        raw: SSAValue,
        response: SSAValue,
        leaves: SSAValue,
        labels: LabelRule | None = None,
        groups: Sequence[int] = (),
    ) -> None:
        super().__init__(
            operands=[raw, response, leaves],
            properties={
                "labels": None if labels is None else StringAttr(labels.value),
                "groups": ArrayAttr([IntegerAttr(group, i64) for group in groups]) if groups else None,
            },
        )

    def verify_(self) -> None:
        if self.labels is not None and self.labels.data not in LABEL_RULES:
            raise VerifyException(f"labels follow from no rule {self.labels.data!r}")
        total = self.raw.owner
        if self.groups is None or not isinstance(total, SumOp):
            return
        sizes = [group.value.data for group in self.groups]
        n_columns = total.base.array.size
        fits = min(sizes, default=0) > 0 and sum(sizes) == n_columns
        require(fits, f"groups of {sizes} columns are not the {n_columns} of the sum")


@irdl_op_definition
class ModelOp(IRDLOperation):
    """A whole forest; its region takes the rows."""

    name = "forest.model"
    sym_name = prop_def(SymbolNameConstraint())
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())
    assembly_format = "$sym_name $body attr-dict"

    def __init__(self, name: str = "model") -> None:
        super().__init__(properties={"sym_name": StringAttr(name)}, regions=[Region(Block(arg_types=[RowsType()]))])

    def verify_(self) -> None:
        if [argument.type for argument in self.body.block.args] != [RowsType()]:
            raise VerifyException("a model takes rows")
        kinds = [type(op) for op in self.body.block.ops]
        trees = ObliviousTreesOp if ObliviousTreesOp in kinds else TreesOp
        if kinds != [InputsOp, PredicatesOp, trees, SumOp, LinkOp, OutputOp]:
            raise VerifyException("a model is inputs, predicates, trees, sum, link, output, in this order")
        output = self.body.block.last_op
        if isinstance(output, OutputOp):
            fits = isinstance(output.raw.owner, SumOp) and isinstance(output.response.owner, LinkOp)
            require(fits, "a model outputs the sum as raw and the link as response")


Forest = Dialect(
    "forest",
    [InputsOp, LinkOp, ModelOp, ObliviousTreesOp, OutputOp, PredicatesOp, SumOp, TreesOp],
    [AnswersType, BlobAttr, ColumnsType, LeavesType, RowsType, ValuesType],
)


def blob_properties(part: object, names: Iterable[str]) -> dict[str, Attribute]:
    """Blobs of the named columns of a Forest part that are there."""
    columns: dict[str, NDArray[Any] | None] = {name: getattr(part, name) for name in names}
    return {name: BlobAttr.of(array) for name, array in columns.items() if array is not None}


def only_model(module: ModuleOp) -> ModelOp:
    """The module's one model; raises `ModelError`."""
    models = [op for op in module.ops if isinstance(op, ModelOp)]
    if len(models) != 1:
        raise ModelError(f"expected one forest.model in the module, found {len(models)}")
    return models[0]

"""The forest dialect: what is computed, with no word on how. Five steps from a row to a response.

``rows → forest.inputs → forest.predicates → forest.trees → forest.sum → forest.link``. Each op holds one part of a
`treec.frontends.base.Forest`, its arrays as blobs under the same names. Labels, class names and feature names are not
computed with: they stay with the Forest and go to the artifact's card.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    BoolAttr,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    f32,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, Dialect, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.traits import IsolatedFromAbove, IsTerminator, Pure, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from treec.errors import ModelError
from treec.frontends.base import Final, Link
from treec.treeir.blob import BlobAttr


@irdl_attr_definition
class RowsType(ParametrizedAttribute, TypeAttribute):
    """The caller's rows, of any float dtype."""

    name = "forest.rows"


@irdl_attr_definition
class ValuesType(ParametrizedAttribute, TypeAttribute):
    """Input values in the dtype that predicates compare in."""

    name = "forest.values"


@irdl_attr_definition
class AnswersType(ParametrizedAttribute, TypeAttribute):
    """The answer of every predicate, true = left."""

    name = "forest.answers"


@irdl_attr_definition
class LeavesType(ParametrizedAttribute, TypeAttribute):
    """The leaf that a row reaches in every tree."""

    name = "forest.leaves"


@irdl_attr_definition
class ColumnsType(ParametrizedAttribute, TypeAttribute):
    """Output columns of a row."""

    name = "forest.columns"


def dtype_attribute(dtype: np.dtype[Any]) -> Float32Type | Float64Type:
    return f32 if dtype == np.float32 else f64


def dtype_of(attribute: Attribute) -> np.dtype[Any]:
    return np.dtype(np.float32 if attribute == f32 else np.float64)


def _expect(what: str, blob: BlobAttr | None, dtypes: Iterable[Any], length: int | None = None, ndim: int = 1) -> None:
    if blob is None:
        return
    array = blob.array
    if array.ndim != ndim or array.dtype not in [np.dtype(d) for d in dtypes]:
        raise VerifyException(f"{what} has dtype {array.dtype} and {array.ndim} dimensions")
    if length is not None and len(array) != length:
        raise VerifyException(f"{what} has {len(array)} entries, not {length}")


_FLOATS = (np.float32, np.float64)


@irdl_op_definition
class InputsOp(IRDLOperation):
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
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$rows attr-dict"

    def verify_(self) -> None:
        _expect("column", self.column, [np.int32])
        columns = self.column.array
        if len(columns) and not 0 <= columns.min() <= columns.max() < self.n_features.value.data:
            raise VerifyException("an input reads a column that rows do not have")
        _expect("table_offset", self.table_offset, [np.int64], len(columns) + 1)
        _expect("table_value", self.table_value, [np.float64])
        if (self.table_offset is None) != (self.table_value is None):
            raise VerifyException("table_offset and table_value go together")


@irdl_op_definition
class PredicatesOp(IRDLOperation):
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
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$values attr-dict"

    def verify_(self) -> None:
        n = len(self.input.array)
        _expect("input", self.input, [np.int32])
        _expect("test", self.test, [np.uint8], n)
        _expect("threshold", self.threshold, _FLOATS, n)
        _expect("missing", self.missing, [np.uint8], n)
        _expect("missing_left", self.missing_left, [np.bool_], n)
        _expect("category_set", self.category_set, [np.int32], n)
        _expect("invalid_left", self.invalid_left, [np.bool_], n)
        _expect("set_offset", self.set_offset, [np.int64])
        _expect("set_words", self.set_words, [np.uint32])
        inputs = self.values.owner
        if isinstance(inputs, InputsOp):
            if dtype_attribute(self.threshold.array.dtype) != inputs.dtype:
                raise VerifyException("thresholds and input values differ in dtype")
            if n and int(self.input.array.max()) >= len(inputs.column.array):
                raise VerifyException("a predicate asks for an input that does not exist")


@irdl_op_definition
class TreesOp(IRDLOperation):
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
    result = result_def(LeavesType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$answers attr-dict"

    def verify_(self) -> None:
        n, leaves = len(self.predicate.array), len(self.leaf_row.array)
        trees = len(self.column.array)
        _expect("node_offset", self.node_offset, [np.int64], trees + 1)
        _expect("leaf_offset", self.leaf_offset, [np.int64], trees + 1)
        for what, column in (("predicate", self.predicate), ("left", self.left), ("right", self.right)):
            _expect(what, column, [np.int32], n)
        _expect("leaf_row", self.leaf_row, [np.int32], leaves)
        _expect("leaf_id", self.leaf_id, [np.int32], leaves)
        _expect("column", self.column, [np.int32])
        _expect("iteration_offset", self.iteration_offset, [np.int32])
        _expect("weight", self.weight, _FLOATS, trees)
        _expect("node_count", self.node_count, [np.float64], n)
        _expect("leaf_count", self.leaf_count, [np.float64], leaves)
        if leaves != n + trees:
            raise VerifyException(f"{trees} trees of {n} nodes have {n + trees} leaves, not {leaves}")


@irdl_op_definition
class ObliviousTreesOp(IRDLOperation):
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
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$answers attr-dict"

    def verify_(self) -> None:
        trees = len(self.column.array)
        _expect("level_offset", self.level_offset, [np.int64], trees + 1)
        _expect("leaf_offset", self.leaf_offset, [np.int64], trees + 1)
        if np.any(np.diff(self.leaf_offset.array) != 1 << np.diff(self.level_offset.array)):
            raise VerifyException("an oblivious tree of depth d has 2**d leaves")


@irdl_op_definition
class SumOp(IRDLOperation):
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
    result = result_def(ColumnsType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$leaves attr-dict"

    def verify_(self) -> None:
        _expect("values", self.values, _FLOATS, ndim=2)
        _expect("base", self.base, [dtype_of(self.dtype)])
        if self.final.data not in [f.value for f in Final]:
            raise VerifyException(f"unknown final operation {self.final.data!r}")
        trees = self.leaves.owner
        if isinstance(trees, TreesOp | ObliviousTreesOp) and len(trees.leaf_row.array):
            if int(trees.leaf_row.array.max()) >= len(self.values.array):
                raise VerifyException("a leaf has no row of values")
            width = self.values.array.shape[1]
            if int(trees.column.array.max()) + width > len(self.base.array):
                raise VerifyException("a tree adds to an output column that does not exist")


@irdl_op_definition
class LinkOp(IRDLOperation):
    """Raw outputs to the response, see `treec.frontends.base.Link` and ``Outputs.average``."""

    name = "forest.link"
    raw = operand_def(ColumnsType)
    link = prop_def(StringAttr)
    scale = prop_def(FloatAttr)
    average = prop_def(FloatAttr)
    result = result_def(ColumnsType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$raw attr-dict"

    def verify_(self) -> None:
        if self.link.data not in [link.value for link in Link]:
            raise VerifyException(f"unknown link {self.link.data!r}")


@irdl_op_definition
class OutputOp(IRDLOperation):
    """Ends a model: its raw outputs, response and leaves."""

    name = "forest.output"
    raw = operand_def(ColumnsType)
    response = operand_def(ColumnsType)
    leaves = operand_def(LeavesType)
    traits = traits_def(IsTerminator(), Pure())
    assembly_format = "`raw` $raw `response` $response `leaves` $leaves attr-dict"

    def __init__(self, raw: SSAValue, response: SSAValue, leaves: SSAValue) -> None:
        super().__init__(operands=[raw, response, leaves])


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


Forest = Dialect(
    "forest",
    [InputsOp, LinkOp, ModelOp, ObliviousTreesOp, OutputOp, PredicatesOp, SumOp, TreesOp],
    [AnswersType, BlobAttr, ColumnsType, LeavesType, RowsType, ValuesType],
)


def blob_properties(part: object, names: Iterable[str]) -> dict[str, Attribute]:
    """Blobs of the named columns of a Forest part that are there."""
    columns: dict[str, NDArray[Any] | None] = {name: getattr(part, name) for name in names}
    return {name: BlobAttr.of(array) for name, array in columns.items() if array is not None}


def integer(value: int) -> IntegerAttr:
    return IntegerAttr(value, i64)


def number(value: float) -> FloatAttr:
    return FloatAttr(value, f64)


def only_model(module: ModuleOp) -> ModelOp:
    """The module's one model; raises `ModelError`."""
    models = [op for op in module.ops if isinstance(op, ModelOp)]
    if len(models) != 1:
        raise ModelError(f"expected one forest.model in the module, found {len(models)}")
    return models[0]

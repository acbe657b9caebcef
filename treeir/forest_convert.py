"""Forest ↔ forest dialect, losslessly for everything that is computed with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation

from treec.frontends.base import (
    CategoryCast,
    Final,
    Forest,
    Inputs,
    LabelRule,
    Leaves,
    LinearLeaves,
    Link,
    ObliviousTrees,
    Outputs,
    Predicates,
    Predicted,
    SumRule,
    Trees,
)
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import (
    InputsOp,
    LinkOp,
    ModelOp,
    ObliviousTreesOp,
    OutputOp,
    PredicatesOp,
    SumOp,
    TreesOp,
    blob_properties,
)
from treec.treeir.forest_types import (
    AnswersType,
    ColumnsType,
    LeavesType,
    ValuesType,
    dtype_attribute,
    dtype_of,
    integer,
    number,
)

_INPUT_COLUMNS = ("column", "table_offset", "table_value")
_PREDICATE_COLUMNS = tuple(f.name for f in fields(Predicates) if f.name != "category_cast")
_TREE_COLUMNS = tuple(f.name for f in fields(Trees))
_OBLIVIOUS_COLUMNS = tuple(f.name for f in fields(ObliviousTrees))
_LINEAR_COLUMNS = tuple(f.name for f in fields(LinearLeaves))


def forest_module(forest: Forest, name: str = "model") -> ModuleOp:
    """A module with one ``forest.model``; arrays are shared, not copied."""
    model = ModelOp(name)
    block = model.body.block
    inputs = InputsOp.create(
        operands=[block.args[0]], properties=_input_properties(forest.inputs), result_types=[ValuesType()]
    )
    predicates = PredicatesOp.create(
        operands=[inputs.result], properties=predicate_properties(forest.predicates), result_types=[AnswersType()]
    )
    trees = _trees_op(predicates, forest.trees)
    raw = SumOp.create(
        operands=[trees.results[0]], properties=sum_properties(forest.leaves, forest.sum), result_types=[ColumnsType()]
    )
    link = LinkOp.create(operands=[raw.result], properties=_link_properties(forest.outputs), result_types=[ColumnsType()])
    rule = None if forest.outputs.predicted is Predicted.RESPONSE else forest.outputs.label
    output = OutputOp(raw.result, link.result, trees.results[0], rule, forest.outputs.groups)
    block.add_ops([inputs, predicates, trees, raw, link, output])
    return ModuleOp([model])


def _trees_op(predicates: PredicatesOp, trees: Trees | ObliviousTrees) -> IRDLOperation:
    if isinstance(trees, Trees):
        return TreesOp.create(operands=[predicates.result], properties=tree_properties(trees), result_types=[LeavesType()])
    return ObliviousTreesOp.create(
        operands=[predicates.result],
        properties=blob_properties(trees, _OBLIVIOUS_COLUMNS),
        result_types=[LeavesType()],
    )


def _input_properties(inputs: Inputs) -> dict[str, Attribute]:
    return {
        "n_features": integer(inputs.n_features),
        "dtype": dtype_attribute(inputs.dtype),
        "missing_value": number(inputs.missing_value),
        **blob_properties(inputs, _INPUT_COLUMNS),
    }


def predicate_properties(predicates: Predicates) -> dict[str, Attribute]:
    """Properties of ``forest.predicates``."""
    blobs = blob_properties(predicates, _PREDICATE_COLUMNS)
    return {**blobs, "category_cast": integer(int(predicates.category_cast))}


def tree_properties(trees: Trees) -> dict[str, Attribute]:
    """Properties of ``forest.trees``."""
    return blob_properties(trees, _TREE_COLUMNS)


def sum_properties(leaves: Leaves, rule: SumRule) -> dict[str, Attribute]:
    """Properties of ``forest.sum``."""
    linear: dict[str, Attribute] = {}
    if leaves.linear is not None:
        blobs = blob_properties(leaves.linear, _LINEAR_COLUMNS)
        linear = {f"linear_{name}": blob for name, blob in blobs.items()}
    return {
        "values": BlobAttr.of(leaves.values),
        **linear,
        "dtype": dtype_attribute(rule.dtype),
        "base": BlobAttr.of(rule.base),
        "base_first": BoolAttr.from_bool(rule.base_first),
        "final": StringAttr(rule.final.value),
        "operand": number(rule.operand),
        "bias": number(rule.bias),
        **({"reassociate": UnitAttr()} if rule.reassociate else {}),
    }


def _link_properties(outputs: Outputs) -> dict[str, Attribute]:
    return {
        "link": StringAttr(outputs.link.value),
        "scale": number(outputs.link_scale),
        "average": number(outputs.average),
    }


def forest_of(model: ModelOp) -> Forest:
    """Read a ``forest.model`` back. Parts that are not computed with (names, classes, shapes) have their defaults."""
    inputs, predicates, trees, sum_op, link, output = model.body.block.ops
    if not (isinstance(inputs, InputsOp) and isinstance(predicates, PredicatesOp) and isinstance(sum_op, SumOp)):
        raise TypeError("not a verified forest.model")
    if not (isinstance(link, LinkOp) and isinstance(output, OutputOp)):
        raise TypeError("not a verified forest.model")
    leaves, rule = leaves_of(sum_op), sum_of(sum_op)
    return Forest(
        inputs_of(inputs),
        predicates_of(predicates),
        trees_of(trees) if isinstance(trees, TreesOp) else _read(ObliviousTrees, trees, _OBLIVIOUS_COLUMNS),
        leaves,
        rule,
        Outputs(
            vector=len(rule.base) == 1,
            link=Link(link.link.data),
            link_scale=link.scale.value.data,
            average=link.average.value.data,
            label=LabelRule.NONE if output.labels is None else LabelRule(output.labels.data),
            predicted=Predicted.RESPONSE if output.labels is None else Predicted.LABEL,
            groups=() if output.groups is None else tuple(group.value.data for group in output.groups),
        ),
    )


Part = TypeVar("Part")


def _array(attribute: Attribute | None) -> NDArray[Any] | None:
    return attribute.array if isinstance(attribute, BlobAttr) else None


def _read(kind: type[Part], op: Any, names: tuple[str, ...], prefix: str = "", **others: Any) -> Part:
    columns = {name: _array(op.properties.get(prefix + name)) for name in names}
    return kind(**columns, **others)


def inputs_of(op: InputsOp) -> Inputs:
    """Names and types of features are not in the IR."""
    return _read(
        Inputs,
        op,
        _INPUT_COLUMNS,
        n_features=op.n_features.value.data,
        dtype=dtype_of(op.dtype),
        missing_value=op.missing_value.value.data,
    )


def predicates_of(op: PredicatesOp) -> Predicates:
    return _read(Predicates, op, _PREDICATE_COLUMNS, category_cast=CategoryCast(op.category_cast.value.data))


def trees_of(op: TreesOp) -> Trees:
    return _read(Trees, op, _TREE_COLUMNS)


def leaves_of(op: SumOp) -> Leaves:
    linear = None if op.linear_offset is None else _read(LinearLeaves, op, _LINEAR_COLUMNS, "linear_")
    return Leaves(op.values.array, linear)


def sum_of(op: SumOp) -> SumRule:
    return SumRule(
        dtype_of(op.dtype),
        op.base.array,
        bool(op.base_first.value.data),
        Final(op.final.data),
        op.operand.value.data,
        op.bias.value.data,
        op.reassociate is not None,
    )

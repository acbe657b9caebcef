"""Types of the forest dialect: what flows from one step of a model to the next. Also dtypes and numbers as attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import Float32Type, Float64Type, FloatAttr, IntegerAttr, f32, f64, i64
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition


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


def integer(value: int) -> IntegerAttr:
    return IntegerAttr(value, i64)


def number(value: float) -> FloatAttr:
    return FloatAttr(value, f64)

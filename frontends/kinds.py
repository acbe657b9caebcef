"""The kinds that a Forest's columns are made of: tests, missing values, links, labels."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Test(IntEnum):
    """The question a predicate asks; a true answer goes left."""

    __test__ = False  # not a test case of pytest

    LESS = 0
    LESS_EQUAL = 1
    EQUAL = 2
    IN_SET = 3


class Missing(IntEnum):
    """Which values skip the test and go the missing way."""

    NONE = 0
    """No value is missing; NaN counts as 0.0 (LightGBM)."""
    NAN = 1
    """NaN is missing."""
    ZERO_OR_NAN = 2
    """NaN and every |x| <= 1e-35f are missing (LightGBM; the bound is the float32 constant, widened)."""


class CategoryCast(IntEnum):
    """How a row's value becomes a category code before an ``IN_SET`` test. What the cast rejects is *invalid*."""

    TRUNCATE = 0
    """Toward zero; invalid if the result is below 0 or does not fit an int32 (LightGBM: -0.5 is category 0)."""
    NON_NEGATIVE = 1
    """Invalid if below 0 or at least 2**24, then toward zero (XGBoost: -0.5 is invalid)."""


class Link(StrEnum):
    """From raw outputs to the response. Each name is one library's formula, with its order, dtype and clips."""

    IDENTITY = "identity"
    XGB_SIGMOID = "xgb_sigmoid"
    """f32: ``1 / (expf(min(-x, 88.7f)) + 1 + 1e-16f)``."""
    XGB_SOFTMAX = "xgb_softmax"
    """f32 ``expf(x - max)``, summed in f64, divided by the sum cast to f32."""
    XGB_EXP = "xgb_exp"
    """f32 ``expf(x)``."""
    XGB_HINGE = "xgb_hinge"
    """``1 if x > 0 else 0``."""
    LGB_SIGMOID = "lgb_sigmoid"
    """f64 ``1 / (1 + exp(-scale * x))``, on each column (binary, one-vs-all, cross-entropy)."""
    LGB_SOFTMAX = "lgb_softmax"
    """f64 ``exp(x - max)``, summed in order, divided."""
    LGB_EXP = "lgb_exp"
    LGB_SIGNED_SQUARE = "lgb_signed_square"
    """``sign(x) * x * x`` (``reg_sqrt``)."""
    LGB_LOG1P_EXP = "lgb_log1p_exp"
    """``log1p(exp(x))`` (cross_entropy_lambda)."""
    SKL_EXPIT = "skl_expit"
    """f64 ``1 / (1 + exp(-scale * x))`` (scale 2 for the exponential loss)."""
    SKL_SOFTMAX = "skl_softmax"
    """f64 ``exp(x - max)`` divided by its sum."""
    SKL_EXP = "skl_exp"


class LabelRule(StrEnum):
    """How a classifier's label follows from its outputs."""

    NONE = "none"
    ARGMAX = "argmax"
    """First largest response column; per group of ``Outputs.groups``."""
    LINK_ABOVE_HALF = "link_above_half"
    """Second class if the one response column is > 0.5."""
    RAW_AT_LEAST_ZERO = "raw_at_least_zero"
    RAW_ABOVE_ZERO = "raw_above_zero"


class Predicted(StrEnum):
    """What ``predict`` of the source returns."""

    RESPONSE = "response"
    LABEL = "label"
    """An entry of ``Outputs.classes``."""
    CLASS_INDEX = "class_index"
    """The index of the label as a number of the raw dtype (XGBoost ``multi:softmax`` from a Booster)."""


class Final(StrEnum):
    """The last operation on a sum."""

    NONE = "none"
    DIVIDE = "divide"
    """``sum / operand``, where the average is what the library calls raw (scikit-learn forests)."""
    SCALE_BIAS = "scale_bias"
    """``sum * operand + bias`` (CatBoost), both rounded."""

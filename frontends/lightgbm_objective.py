"""The objective line of a LightGBM text model → link. Formulas: ``ConvertOutput`` of LightGBM's ``src/objective``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import Link
from treec.frontends.lightgbm_text import SAVE_AGAIN, TextModel

_SQRT = frozenset({"sqrt"})
# Name → link and the arguments it may have. Arguments with a value other than sigmoid and num_class steer training only.
OBJECTIVES: dict[str, tuple[Link, frozenset[str]]] = {
    "regression": (Link.IDENTITY, _SQRT),
    "regression_l1": (Link.IDENTITY, _SQRT),
    "huber": (Link.IDENTITY, frozenset({"alpha"})),
    "fair": (Link.IDENTITY, _SQRT | {"fair_c"}),
    "quantile": (Link.IDENTITY, _SQRT | {"alpha"}),
    "mape": (Link.IDENTITY, _SQRT),
    "poisson": (Link.LGB_EXP, frozenset({"max_delta_step"})),
    "gamma": (Link.LGB_EXP, frozenset()),
    "tweedie": (Link.LGB_EXP, frozenset({"tweedie_variance_power"})),
    "binary": (Link.LGB_SIGMOID, frozenset({"sigmoid"})),
    "multiclass": (Link.LGB_SOFTMAX, frozenset({"num_class"})),
    "multiclassova": (Link.LGB_SIGMOID, frozenset({"num_class", "sigmoid"})),
    "cross_entropy": (Link.LGB_SIGMOID, frozenset()),
    "cross_entropy_lambda": (Link.LGB_LOG1P_EXP, frozenset()),
    "lambdarank": (Link.IDENTITY, frozenset()),
    "rank_xendcg": (Link.IDENTITY, frozenset()),
    "custom": (Link.IDENTITY, frozenset()),
}
_MANY_COLUMNS = frozenset({"multiclass", "multiclassova", "custom"})


@dataclass(frozen=True)
class Objective:
    """``name`` is None where the model has no objective (a function of the user's own): the response is raw."""

    name: str | None
    link: Link
    scale: float = 1.0


def read_objective(model: TextModel, n_columns: int) -> Objective:
    """The link of ``predict``; raises `UnsupportedModelError` for an unknown objective or argument."""
    text = model.header.get("objective")
    if text is None:
        return Objective(None, Link.IDENTITY)
    name, *words = text.split() or [""]
    if name not in OBJECTIVES:
        raise UnsupportedModelError(
            f"objective {name[:60]!r} is not known; known are {', '.join(OBJECTIVES)}",
            place=model.header_error("objective", "").place,
            fix="train with one of them, or without an objective, and apply your own link to raw outputs",
        )
    link, allowed = OBJECTIVES[name]
    arguments = _arguments(model, words, allowed)
    if n_columns > 1 and name not in _MANY_COLUMNS:
        raise model.header_error("objective", f"{name} has one tree per iteration, but the header says {n_columns}")
    if "num_class" in allowed and arguments.get("num_class") != str(n_columns):
        raise model.header_error("objective", f"num_class is not the {n_columns} of num_tree_per_iteration")
    if "sqrt" in arguments:
        link = Link.LGB_SIGNED_SQUARE
    scale = _scale(model, arguments.get("sigmoid", "")) if "sigmoid" in allowed else 1.0
    return Objective(None if name == "custom" else name, link, scale)


def _arguments(model: TextModel, words: list[str], allowed: frozenset[str]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for word in words:
        key, colon, value = word.partition(":")
        if key not in allowed or key in arguments or (key == "sqrt") == bool(colon):
            raise UnsupportedModelError(
                f"argument {word[:60]!r} of the objective is not known, and may change what the model answers",
                place=model.header_error("objective", "").place,
                fix=SAVE_AGAIN,
            )
        arguments[key] = value
    return arguments


def _scale(model: TextModel, text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0.0 < scale < math.inf:
        raise _bad_scale(model, text)
    return scale


def _bad_scale(model: TextModel, text: str) -> ModelError:
    return model.header_error("objective", f"sigmoid {text[:40]!r} is not a number above 0")

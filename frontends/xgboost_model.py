"""An XGBoost model file (JSON or UBJSON, XGBoost 1.0 to 3.x, booster ``gbtree``) → Forest."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treec.errors import ToolchainError
from treec.frontends.base import Forest, Inputs, LabelRule, Link, Outputs, Predicted, Source, SumRule
from treec.frontends.xgboost_document import DoubleRoundingError, Node, f32_text, is_ubjson, read_document
from treec.frontends.xgboost_trees import lay_out, ordered_trees, parse_trees

_F32 = np.float32
_MAX_FEATURES = 2**24


@dataclass(frozen=True)
class Objective:
    """How a base score becomes a margin (``identity``, ``logit`` or ``log``), and a margin a response."""

    margin: str = "identity"
    link: Link = Link.IDENTITY
    params: tuple[str, ...] = ("reg_loss_param",)


_RANK = Objective(params=("lambdarank_param", "lambda_rank_param"))
_LOGISTIC = Objective("logit", Link.XGB_SIGMOID)
OBJECTIVES = {
    "reg:squarederror": Objective(),
    "reg:linear": Objective(),  # the name of reg:squarederror before 1.0
    "reg:squaredlogerror": Objective(),
    "reg:absoluteerror": Objective(),
    "reg:pseudohubererror": Objective(params=("pseudo_huber_param", "pseduo_huber_param")),
    "reg:quantileerror": Objective(params=("quantile_loss_param",)),
    "reg:logistic": _LOGISTIC,
    "binary:logistic": _LOGISTIC,
    "binary:logitraw": Objective(),  # its base score is a margin already
    "binary:hinge": Objective(link=Link.XGB_HINGE),
    "multi:softmax": Objective(params=("softmax_multiclass_param",)),
    "multi:softprob": Objective(link=Link.XGB_SOFTMAX, params=("softmax_multiclass_param",)),
    "count:poisson": Objective("log", Link.XGB_EXP, ("poisson_regression_param",)),
    "reg:gamma": Objective("log", Link.XGB_EXP),
    "reg:tweedie": Objective("log", Link.XGB_EXP, ("tweedie_regression_param",)),
    "rank:pairwise": _RANK,
    "rank:ndcg": _RANK,
    "rank:map": _RANK,
}


def forest_from_bytes(data: bytes, *, place: str) -> Forest:
    """The Forest of a model file, answering as ``Booster.predict`` on that file does (all rounds).

    ``data``: JSON or UBJSON, or the buffer of a pickled Booster. ``place``: what errors call the file.
    Raises `ModelError` for damaged data and `UnsupportedModelError`, by name, for what is not done yet.
    """
    return build_forest(data, place=place)


def build_forest(data: bytes, *, place: str, use_best_iteration: bool = False) -> Forest:
    """`forest_from_bytes`; with ``use_best_iteration``, only the rounds that a scikit-learn wrapper would use."""
    try:
        return _build(read_document(data, place), data, use_best_iteration, exact=False)
    except DoubleRoundingError:
        return _build(read_document(data, place, exact=True), data, use_best_iteration, exact=True)


def _build(root: Node, data: bytes, use_best_iteration: bool, *, exact: bool) -> Forest:
    root.only("learner", "version")
    version = _version(root)
    learner = root.get("learner")
    learner.only("attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param", "objective")
    name, objective = _objective(learner)
    model = _gbtree(learner)
    n_features, n_columns = _shape(learner)
    trees = ordered_trees(model)
    column, iterations = _tree_info(model, len(trees), n_columns)
    if use_best_iteration and learner.has("attributes") and learner.get("attributes").has("best_iteration"):
        iterations = _until_best(learner, iterations)
        trees, column = trees[: iterations[-1]], column[: iterations[-1]]
    layout = lay_out(trees, n_features)
    if layout.width > 1 and (layout.width != n_columns or column.any()):
        raise model.error(f"leaves of {layout.width} values do not fit {n_columns} outputs")
    parsed = parse_trees(layout, column, iterations, exact=exact)
    return Forest(
        inputs=_inputs(learner, n_features),
        predicates=parsed.predicates,
        trees=parsed.trees,
        leaves=parsed.leaves,
        sum=SumRule(dtype=np.dtype(_F32), base=_base_margin(learner, objective, n_columns)),
        outputs=_outputs(name, objective, n_columns, len(trees)),
        source=Source(
            library="xgboost",
            format="ubjson" if is_ubjson(data) else "json",
            version=version,
            objective=name,
            digest=hashlib.sha256(data).hexdigest(),
            notes=parsed.notes + _category_notes(model),
        ),
    ).check()


def _version(root: Node) -> str | None:
    if not root.has("version"):
        return None
    parts = root.get("version").integers(0)
    if len(parts) != 3 or not 1 <= parts[0] <= 3:
        raise root.get("version").unsupported(
            f"the format is of XGBoost {'.'.join(map(str, parts))}", "save the model with XGBoost 1.0 to 3.x"
        )
    return ".".join(map(str, parts))


def _objective(learner: Node) -> tuple[str, Objective]:
    node = learner.get("objective")
    name = node.get("name").text()
    if name not in OBJECTIVES:
        raise node.get("name").unsupported(
            f"the objective {name!r:.60} is not supported", f"use one of {', '.join(OBJECTIVES)}"
        )
    node.only("name", *OBJECTIVES[name].params)
    return name, OBJECTIVES[name]


def _gbtree(learner: Node) -> Node:
    booster = learner.get("gradient_booster")
    name = booster.get("name").text()
    if name != "gbtree":
        raise booster.get("name").unsupported(f"the booster {name!r:.60} is not supported", "train with booster='gbtree'")
    booster.only("name", "model")
    model = booster.get("model")
    model.only("gbtree_model_param", "trees", "tree_info", "iteration_indptr", "cats")
    model.get("gbtree_model_param").only("num_trees", "num_parallel_tree", "size_leaf_vector")
    return model


def _shape(learner: Node) -> tuple[int, int]:
    """The number of features and of output columns."""
    param = learner.get("learner_model_param")
    param.only("base_score", "boost_from_average", "num_class", "num_feature", "num_target")
    n_features = param.get("num_feature").count()
    if not 0 < n_features <= _MAX_FEATURES:
        raise param.get("num_feature").unsupported(f"{n_features} features", f"use 1 to {_MAX_FEATURES} columns")
    n_classes = param.get("num_class").count()
    n_targets = param.get("num_target").count() if param.has("num_target") else 1
    if n_classes > 1 and n_targets > 1:
        raise param.unsupported("several classes and several targets at once", "train one model per target")
    return n_features, max(1, n_classes, n_targets)


def _tree_info(model: Node, n_trees: int, n_columns: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The output column of each tree, and the boundaries of iterations."""
    param = model.get("gbtree_model_param")
    if param.get("num_trees").count() != n_trees:
        raise param.get("num_trees").error(f"{param.get('num_trees').value} trees are announced, {n_trees} are there")
    column = model.get("tree_info").integers(0)
    if len(column) != n_trees or (column >= n_columns).any():
        raise model.get("tree_info").error(f"the outputs of {n_trees} trees must be below {n_columns}")
    parallel = param.get("num_parallel_tree").count() if param.has("num_parallel_tree") else 1
    layer = max(1, parallel) * n_columns
    if model.has("iteration_indptr"):
        node = model.get("iteration_indptr")
        bounds = node.integers(0)
        if not len(bounds) or bounds[0] != 0 or bounds[-1] != n_trees or (np.diff(bounds) < 0).any():
            raise node.error(f"iterations must lead from 0 to {n_trees} trees")
    elif n_trees % layer:
        raise param.error(f"{n_trees} trees are no iterations of {layer}")
    else:
        bounds = np.arange(0, n_trees + 1, layer)
    return column.astype(np.int32), bounds.astype(np.int32)


def _until_best(learner: Node, iterations: NDArray[np.int32]) -> NDArray[np.int32]:
    best = learner.get("attributes").get("best_iteration")
    rounds = best.count() + 1
    if rounds >= len(iterations):
        raise best.error(f"the best of {len(iterations) - 1} iterations is number {rounds - 1}")
    return iterations[: rounds + 1]


def _inputs(learner: Node, n_features: int) -> Inputs:
    labels: dict[str, tuple[str, ...] | None] = {}
    for key in ("feature_names", "feature_types"):
        found = learner.get(key).texts() if learner.has(key) else ()
        if found and len(found) != n_features:
            raise learner.get(key).error(f"{len(found)} entries for {n_features} features")
        labels[key] = found or None
    return Inputs(
        n_features=n_features,
        dtype=np.dtype(_F32),
        column=np.arange(n_features, dtype=np.int32),
        names=labels["feature_names"],
        types=labels["feature_types"],
    )


def _base_margin(learner: Node, objective: Objective, n_columns: int) -> NDArray[np.float32]:
    """The start of each sum. Since 3.1 the text is a vector, one score per column; before, one score for all."""
    node = learner.get("learner_model_param").get("base_score")
    text = node.text()
    parts = text[1:-1].split(",") if text.startswith("[") and text.endswith("]") else [text]
    if not all(re.fullmatch(r" *-?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,5})? *", part) for part in parts):
        raise node.error(f"a number or a vector of numbers is needed here, found {text!r:.60}")
    with np.errstate(over="ignore"):
        scores = np.array([f32_text(part) for part in parts]).astype(_F32)
    if len(scores) not in (1, n_columns):
        raise node.error(f"{len(scores)} base scores for {n_columns} outputs")
    margin = np.broadcast_to(_margin(objective.margin, scores, node), n_columns).copy()
    if not np.isfinite(margin).all():
        raise node.error(f"{text!r:.60} gives no finite margin")
    return margin


def _margin(kind: str, scores: NDArray[np.float32], node: Node) -> NDArray[np.float32]:
    """Each step rounded to f32, as in XGBoost's ``ProbToMargin``."""
    if kind == "identity":
        return scores
    if kind == "log":
        if not (scores > 0).all():
            raise node.error("the base score of this objective must be above 0")
        return _logf(scores)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise node.error("the base score of this objective must be between 0 and 1")
    one, edge = _F32(1), _F32(1e-6)
    return -_logf(one / np.clip(scores, edge, one - edge) - one)


def _logf(values: NDArray[np.float32]) -> NDArray[np.float32]:
    function = _c_logf()
    return np.array([function(value) for value in values.tolist()], _F32)


@functools.cache
def _c_logf() -> Callable[[float], float]:
    """The C library's function, that XGBoost calls: numpy's differs in the last bit for every fifth value."""
    for name in (None, "libm.so.6", "libm.dylib"):
        try:
            function = ctypes.CDLL(name).logf
        except (OSError, AttributeError):
            continue
        function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
        return function
    raise ToolchainError("the C library's logf was not found", fix="install the C mathematics library (libm)")


def _outputs(name: str, objective: Objective, n_columns: int, n_trees: int) -> Outputs:
    softmax = name == "multi:softmax"
    return Outputs(
        vector=n_columns == 1,
        link=objective.link,
        label=LabelRule.ARGMAX if softmax else LabelRule.NONE,
        predicted=Predicted.CLASS_INDEX if softmax else Predicted.RESPONSE,
        classes=(np.arange(n_columns),) if softmax else (),
        apply_dtype="<f4",
        apply_shape=() if n_trees == 1 else (n_trees,),
    )


def _category_notes(model: Node) -> tuple[str, ...]:
    """Since 3.1 a model remembers the categories of its data frame. Rows of numbers are codes all the same."""
    if not model.has("cats"):
        return ()
    cats = model.get("cats")
    cats.only("enc", "feature_segments", "sorted_idx")
    if not len(cats.get("enc").array()):
        return ()
    return ("categories in rows are the codes of the training data frame, not its labels",)

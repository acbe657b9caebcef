"""scikit-learn's GradientBoosting → Forest.

Raw is ``acc = init; acc += learning_rate * leaf`` in float64, multiply and add rounded apart, tree ``i`` into column
``i mod K``. The start is a constant: scikit-learn's own ``init`` (the link of the classes' share, a mean, a quantile) or
zero. An estimator of the user's depends on the row and is refused.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from treec.errors import UnsupportedModelError
from treec.frontends.base import F64, Forest, LabelRule, Link, Outputs, Predicted, SumRule
from treec.frontends.sklearn_columns import require
from treec.frontends.sklearn_forests import regression_trees
from treec.frontends.sklearn_trees import assemble, tree_inputs
from treec.frontends.sklearn_view import EstimatorView, class_labels, source_of

_LINKS = {
    "IdentityLink": (Link.IDENTITY, 1.0),
    "LogLink": (Link.SKL_EXP, 1.0),
    "LogitLink": (Link.SKL_EXPIT, 1.0),
    "HalfLogitLink": (Link.SKL_EXPIT, 2.0),
    "MultinomialLogit": (Link.SKL_SOFTMAX, 1.0),
}


def forest_from_boosting(view: EstimatorView) -> Forest:
    """From GradientBoostingClassifier and GradientBoostingRegressor."""
    members = view.array("estimators_", "O", dimensions=2)
    n_columns = view.integer("n_trees_per_iteration_", least=1)
    require(members.shape[1] == n_columns and len(members) > 0, "`estimators_` has an odd shape", view.place)
    trees = regression_trees(members, view)
    inputs = tree_inputs(view)
    predicates, shape, leaves = assemble(
        trees,
        n_features=inputs.n_features,
        column=np.tile(np.arange(n_columns, dtype=np.int32), len(members)),
        trees_per_iteration=n_columns,
        place=view.place,
        weight=np.full(len(trees), view.number("learning_rate")),
        missing=False,
    )
    classifier = view.class_name.endswith("Classifier")
    link, scale = read_link(view, n_columns, classifier)
    outputs = boosting_outputs(
        view,
        n_columns,
        (link, scale),
        LabelRule.RAW_AT_LEAST_ZERO,
        apply_dtype="<f8",
        apply_shape=(len(members), n_columns) if classifier else (len(members),),
    )
    base = _start(view, n_columns, link, scale)
    require(bool(np.isfinite(base).all()), "the start value is not finite", view.place)
    source = source_of(view, view.text("loss"))
    return Forest(inputs, predicates, shape, leaves, SumRule(F64, base), outputs, source)


def read_link(view: EstimatorView, n_columns: int, classifier: bool) -> tuple[Link, float]:
    """The inverse link that the library's loss object has, and its scale; checked against the kind of model."""
    link = view.child("_loss").child("link")
    known = link.module == "sklearn._loss.link" and link.class_name in _LINKS
    if not known:
        raise UnsupportedModelError(f"the link {link.module}.{link.class_name}", place=view.place)
    name, scale = _LINKS[link.class_name]
    expected = (Link.SKL_SOFTMAX if n_columns > 1 else Link.SKL_EXPIT) if classifier else (Link.IDENTITY, Link.SKL_EXP)
    require(name in expected, f"the link {link.class_name} in a {view.class_name}", view.place)
    return name, scale


def boosting_outputs(
    view: EstimatorView,
    n_columns: int,
    link: tuple[Link, float],
    binary_rule: LabelRule,
    *,
    apply_dtype: str,
    apply_shape: tuple[int, ...],
) -> Outputs:
    """Outputs of both boosting kinds: a vector of one column, or K columns and the first largest."""
    name, scale = link
    if view.class_name.endswith("Regressor"):
        require(n_columns == 1, "a regression with several columns", view.place)
        return Outputs(vector=True, link=name, link_scale=scale, apply_dtype=apply_dtype, apply_shape=apply_shape)
    classes = class_labels(view.get("classes_"), view)
    if len(classes) == 1:
        raise UnsupportedModelError(
            "a classifier that was trained on one class", place=view.place, fix="its answer is always that class"
        )
    binary = n_columns == 1
    require(len(classes) == (2 if binary else n_columns), "`classes_` does not fit the trees", view.place)
    return Outputs(
        vector=binary,
        link=name,
        link_scale=scale,
        label=binary_rule if binary else LabelRule.ARGMAX,
        predicted=Predicted.LABEL,
        is_classifier=True,
        binary_proba=binary,
        classes=(classes,),
        apply_dtype=apply_dtype,
        apply_shape=apply_shape,
    )


def _start(view: EstimatorView, n_columns: int, link: Link, scale: float) -> NDArray[np.float64]:
    """The constant that the library's ``_init_raw_predictions`` gives every row, by its formulas."""
    init = view.get("init_")
    if isinstance(init, str) and init == "zero":
        return np.zeros(n_columns)
    dummy = view.child("init_")
    if dummy.module != "sklearn.dummy":
        raise _row_dependent(view, f"{dummy.module}.{dummy.class_name}")
    if view.class_name.endswith("Regressor"):
        constant = dummy.array("constant_", "iuf", dimensions=2)
        fine = dummy.class_name == "DummyRegressor" and constant.shape == (1, 1)
        require(fine, "an odd `constant_` of `init_`", view.place)
        return constant.astype(np.float64).reshape(1)
    if dummy.class_name != "DummyClassifier" or dummy.text("_strategy") != "prior":
        raise _row_dependent(view, f"{dummy.class_name} with strategy {dummy.text('_strategy')}")
    prior = dummy.array("class_prior_", "f", dimensions=1).astype(np.float64)
    require(len(prior) == max(2, n_columns), "`class_prior_` of `init_` does not fit the classes", view.place)
    epsilon = float(np.finfo(np.float64).eps)
    share = np.clip(prior, epsilon, 1 - epsilon)
    if link is Link.SKL_SOFTMAX:
        # scipy.stats.gmean, then the log of the ratios.
        return np.log(share / np.exp(np.mean(np.log(share))))
    return np.array([_logit(float(share[1])) * (0.5 if scale == 2.0 else 1.0)])


def _logit(p: float) -> float:
    """`scipy.special.logit` (xsf/log_exp.h): another formula near 0.5, for accuracy."""
    if p < 0.3 or p > 0.65:
        return math.log(p / (1 - p))
    s = 2 * (p - 0.5)
    return math.log1p(s) - math.log1p(-s)


def _row_dependent(view: EstimatorView, what: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"init={what} gives each row its own start", place=view.place, fix="train with init=None or init='zero'"
    )

"""scikit-learn estimators → Forest: the one entry for all kinds, live or recorded from a pickle."""

from __future__ import annotations

from treec.frontends.base import Forest
from treec.frontends.pickle_records import Recorded
from treec.frontends.sklearn_boosting import forest_from_boosting
from treec.frontends.sklearn_forests import forest_from_trees
from treec.frontends.sklearn_hist import forest_from_hist
from treec.frontends.sklearn_view import BOOSTERS, HIST_BOOSTERS, EstimatorView, estimator_view


def is_sklearn_object(obj: object) -> bool:
    """Whether it is (or, recorded from a pickle, was) an object of scikit-learn's or of a class derived from one."""
    if isinstance(obj, Recorded):
        return obj.module.split(".")[0] == "sklearn"
    return any(cls.__module__.split(".")[0] == "sklearn" for cls in type(obj).__mro__)


def forest_from_estimator(view: EstimatorView) -> Forest:
    """The Forest of a fitted estimator, not yet checked (`Forest.check`).

    Raises `UnsupportedModelError` for what treec does not do, `ModelError` for arrays that are not what scikit-learn
    makes; both name the place.
    """
    if view.class_name in BOOSTERS:
        return forest_from_boosting(view)
    if view.class_name in HIST_BOOSTERS:
        return forest_from_hist(view)
    return forest_from_trees(view)


def forest_from_object(obj: object, *, place: str = "estimator") -> Forest:
    """As `forest_from_estimator`, from a live estimator or its `Recorded` stand-in."""
    return forest_from_estimator(estimator_view(obj, place=place))

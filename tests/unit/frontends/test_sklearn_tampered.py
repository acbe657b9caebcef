"""A pickle whose arrays or attributes were tampered with is refused before any library sees it."""

# pyright: basic

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.load import load_model
from treec.frontends.pickle_records import Name, Recorded, attributes
from treec.frontends.pickles import read_pickle
from treec.frontends.sklearn_models import forest_from_object

pytest.importorskip("sklearn")


def make(kind: str) -> Any:
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )

    rows = np.random.default_rng(0).normal(size=(60, 3))
    rows[:, 1] = np.arange(60) % 5
    labels = ((rows[:, 1] * 2 + (rows[:, 0] > 0)) % 3).astype(int)
    estimator: Any = {
        "forest": RandomForestClassifier(3, random_state=0),
        "boosting": GradientBoostingClassifier(n_estimators=2, random_state=0),
        "regressor": GradientBoostingRegressor(n_estimators=2, random_state=0),
        "hist": HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3).set_params(categorical_features=[1]),
    }[kind]
    return estimator.fit(rows, labels)


@pytest.fixture(scope="module")
def pickled() -> dict[str, bytes]:
    return {kind: pickle.dumps(make(kind)) for kind in ("forest", "boosting", "regressor", "hist")}


def read(pickled: dict[str, bytes], kind: str) -> tuple[Recorded, dict[str, Any]]:
    root = read_pickle(pickled[kind], place=kind).root
    return root, attributes(root, place="")


def state_of(record: Any) -> dict[str, Any]:
    return record.state


def tree_state(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    members = found["estimators_"]
    member = members[1] if kind == "forest" else members[1, 0]
    tree = state_of(member)["tree_"]
    tree.state = {key: np.array(v) if isinstance(v, np.ndarray) else v for key, v in tree.state.items()}
    return tree.state


def poke(field: str, index: int, value: Any) -> Callable[[dict[str, Any]], None]:
    def act(tree: dict[str, Any]) -> None:
        tree["nodes"][field][index] = value

    return act


def retype(name: str, kind: str) -> Callable[[dict[str, Any]], None]:
    def act(tree: dict[str, Any]) -> None:
        old = tree["nodes"].dtype
        layout = [(field, kind if field == name else old[field]) for field in old.names]
        tree["nodes"] = tree["nodes"].astype(layout)

    return act


def replace(key: str, make_value: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def act(tree: dict[str, Any]) -> None:
        tree[key] = make_value(tree[key])

    return act


TREE_TAMPERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "left child far out": poke("left_child", 0, 10**9),
    "left child negative": poke("left_child", 0, -5),
    "right child negative": poke("right_child", 0, -7),
    "right child beyond": poke("right_child", 0, 10**6),
    "half a node": poke("right_child", 0, -1),
    "cycle": poke("left_child", 0, 0),
    "two parents": poke("right_child", 0, 1),
    "feature out of range": poke("feature", 0, 3),
    "feature negative": poke("feature", 0, -2),
    "NaN threshold": poke("threshold", 0, np.nan),
    "wrong dtype": retype("threshold", "<f4"),
    "index as float": retype("left_child", "<f8"),
    "renamed field": lambda t: t.update(
        nodes=t["nodes"].astype([(n + "x", t["nodes"].dtype[n]) for n in t["nodes"].dtype.names])
    ),
    "plain array": replace("nodes", lambda _: np.zeros(5)),
    "two-dimensional": replace("nodes", lambda n: n.reshape(1, -1)),
    "no nodes": replace("nodes", lambda n: n[:0]),
    "not an array": replace("nodes", lambda _: [1, 2]),
    "node count": replace("node_count", lambda n: n + 1),
    "node count array": replace("node_count", lambda _: np.arange(3)),
    "fewer values": replace("values", lambda v: v[:-1]),
    "wider values": replace("values", lambda v: np.repeat(v, 2, axis=2)),
    "float32 values": replace("values", lambda v: v.astype(np.float32)),
    "infinite values": replace("values", lambda v: np.full_like(v, np.inf)),
    "text values": replace("values", lambda v: v.astype(str)),
    "records as values": lambda t: t.update(values=t["nodes"]),
}


@pytest.mark.parametrize("kind", ["forest", "boosting"])
@pytest.mark.parametrize("tamper", TREE_TAMPERS)
def test_tampered_trees_are_refused(tamper: str, kind: str, pickled: dict[str, bytes]) -> None:
    root, found = read(pickled, kind)
    TREE_TAMPERS[tamper](tree_state(kind, found))
    with pytest.raises(ModelError) as caught:
        forest_from_object(root, place=kind)
    assert kind in str(caught.value)


def hist_nodes(field: str, which: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def act(found: dict[str, Any]) -> None:
        changed = 0
        for predictors in found["_predictors"]:
            for predictor in predictors:
                nodes = np.array(state_of(predictor)["nodes"])
                chosen = (nodes["is_leaf"] == 0) & (nodes["is_categorical"] == (which == "category"))
                nodes[field][chosen] = value
                changed += int(chosen.sum())
                state_of(predictor)["nodes"] = nodes
        assert changed

    return act


def encoder(found: dict[str, Any]) -> dict[str, Any]:
    return state_of(state_of(found["_preprocessor"])["transformers_"][0][1])


def mapper(found: dict[str, Any]) -> dict[str, Any]:
    return state_of(found["_bin_mapper"])


HIST_TAMPERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "left": hist_nodes("left", "number", 4 * 10**9),
    "right": hist_nodes("right", "number", 10**6),
    "feature": hist_nodes("feature_idx", "number", 3),
    "negative feature": hist_nodes("feature_idx", "number", -1),
    "NaN threshold": hist_nodes("num_threshold", "number", np.nan),
    "kind of split": hist_nodes("is_categorical", "number", 1),
    "set of categories": hist_nodes("bitset_idx", "category", 10**6),
    "baseline shape": lambda f: f.update(_baseline_prediction=np.zeros((1, 2))),
    "baseline NaN": lambda f: f.update(_baseline_prediction=np.full((1, 3), np.nan)),
    "baseline dtype": lambda f: f.update(_baseline_prediction=np.zeros((1, 3), np.float32)),
    "no predictors": lambda f: f.update(_predictors=[]),
    "ragged predictors": lambda f: f["_predictors"][0].pop(),
    "mask": lambda f: f.update(is_categorical_=np.array([True, False, False])),
    "mask length": lambda f: f.update(is_categorical_=np.array([False, True])),
    "categories descend": lambda f: encoder(f)["categories_"].__setitem__(0, np.arange(5.0)[::-1]),
    "categories missing": lambda f: encoder(f)["categories_"].clear(),
    "more categories": lambda f: encoder(f)["categories_"].__setitem__(0, np.arange(6.0)),
    "unknown value": lambda f: encoder(f).update(unknown_value=0.0),
    "columns": lambda f: state_of(f["_preprocessor"]).update(
        transformers_=state_of(f["_preprocessor"])["transformers_"][:1]
    ),
    "bins": lambda f: mapper(f)["bin_thresholds_"].__setitem__(0, np.arange(3.0)),
    "list bomb": lambda f: mapper(f)["bin_thresholds_"].__setitem__(0, [[0] * 9] * 9),
    "bins mask": lambda f: mapper(f).update(is_categorical_=np.array([0, 1, 0], np.uint8)),
    "classes": lambda f: f.update(classes_=np.arange(2)),
    "features": lambda f: f.update(n_features_in_=4),
    "huge features": lambda f: f.update(n_features_in_=2**30),
    "columns per iteration": lambda f: f.update(n_trees_per_iteration_=1),
}


@pytest.mark.parametrize("tamper", HIST_TAMPERS)
def test_tampered_hist_boosting_is_refused(tamper: str, pickled: dict[str, bytes]) -> None:
    root, found = read(pickled, "hist")
    root.state = found
    HIST_TAMPERS[tamper](found)
    with pytest.raises(ModelError):
        forest_from_object(root, place="hist")


ATTRIBUTE_TAMPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "huge integer": ("boosting", {"learning_rate": 10**6000}),
    "text rate": ("boosting", {"learning_rate": "0.1"}),
    "classes of records": ("forest", {"classes_": np.array([Recorded(Name("os", "system"))] * 3, object)}),
    "classes count": ("forest", {"classes_": np.arange(4)}),
    "features": ("forest", {"n_features_in_": 2}),
    "features huge": ("forest", {"n_features_in_": 2**31 - 1}),
    "outputs": ("forest", {"n_outputs_": 2}),
    "no members": ("forest", {"estimators_": []}),
    "members are numbers": ("forest", {"estimators_": [1, 2]}),
    "members of another class": ("forest", {"estimators_": [Recorded(Name("sklearn.svm", "SVC"), state={})]}),
    "names": ("forest", {"feature_names_in_": np.array(["a"], object)}),
    "version": ("forest", {"_sklearn_version": "1.9; os"}),
    "version number": ("forest", {"_sklearn_version": 19}),
    "prior": (
        "boosting",
        {
            "init_": Recorded(
                Name("sklearn.dummy", "DummyClassifier"),
                state={"_strategy": "prior", "class_prior_": np.array([np.nan] * 3)},
            )
        },
    ),
    "constant": ("regressor", {"init_": Recorded(Name("sklearn.dummy", "DummyRegressor"), state={"constant_": [[1.0]]})}),
    "state is a list": (
        "forest",
        {"estimators_": [Recorded(Name("sklearn.tree._classes", "DecisionTreeClassifier"), state=[1])]},
    ),
}


@pytest.mark.parametrize("tamper", ATTRIBUTE_TAMPERS)
def test_tampered_attributes_are_refused(tamper: str, pickled: dict[str, bytes]) -> None:
    kind, changes = ATTRIBUTE_TAMPERS[tamper]
    root, found = read(pickled, kind)
    root.state = found | copy.deepcopy(changes)
    with pytest.raises(ModelError):
        forest_from_object(root, place=kind)


@pytest.mark.parametrize("version", ["1.2.2", "1.8.0", "1.10.0", "2.0"])
def test_versions_that_were_not_compared_are_refused(version: str, pickled: dict[str, bytes]) -> None:
    root, found = read(pickled, "forest")
    root.state = found | {"_sklearn_version": version}
    with pytest.raises(UnsupportedModelError, match=version):
        forest_from_object(root)


def test_an_init_estimator_is_refused_by_name() -> None:
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    rows, labels = np.arange(20.0)[:, None], np.arange(20) % 2
    model = GradientBoostingClassifier(n_estimators=1, init=LogisticRegression()).fit(rows, labels)
    for form in (model, pickle.dumps(model)):
        with pytest.raises(UnsupportedModelError, match="LogisticRegression gives each row its own start"):
            load_model(form)


def test_text_categories_are_refused_by_name() -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.ensemble import HistGradientBoostingRegressor

    table = pandas.DataFrame({"a": pandas.Categorical(list("xyz") * 20), "b": np.arange(60.0)})
    model = HistGradientBoostingRegressor(max_iter=1).fit(table, np.arange(60.0))
    with pytest.raises(UnsupportedModelError, match="categories that are no numbers") as caught:
        load_model(model)
    assert "feature 0" in str(caught.value)


def test_the_real_estimator_is_made_of_listed_classes_only(pickled: dict[str, bytes], tmp_path: Any) -> None:
    from treec.frontends.pickle_rebuild import rebuild_estimator

    canary = tmp_path / "canary"
    root, found = read(pickled, "forest")
    for evil in (
        Recorded(Name("os", "system"), (f"touch {canary}",)),
        Name("os", "system"),
        Recorded(Name("functools", "partial"), (Name("os", "system"),), state=(Name("os", "system"), (), {}, None)),
        Recorded(Name("sklearn.tree._classes", "DecisionTreeClassifier"), ("argument",), state={}),
    ):
        root.state = found | {"verbose": evil}
        with pytest.raises(ModelError, match="refused"):
            rebuild_estimator(root, place="forest")
    assert not canary.exists()

"""XGBoost's models as Forests, against XGBoost itself: raw margins and leaf ids bit for bit."""
# pyright: basic

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import base
from treec.frontends.xgboost_model import forest_from_bytes
from treec.frontends.xgboost_objects import (
    booster_bytes_from_state,
    forest_from_object,
    forest_from_wrapper_state,
    is_xgboost_object,
)
from treec.frontends.xgboost_oracle import oracle_for

xgb = pytest.importorskip("xgboost")
pytestmark = pytest.mark.filterwarnings("ignore:.*Found JSON model saved before XGBoost:UserWarning")

TYPES = ["q", "q", "q", "c"]
EDGES = [0, 0.5, -0.5, -0.0, -1, 7.9, 39, 40, 64, 1e6, 2**24 - 2, 2**24 - 1, 2**24, 3e38, np.nan]


@cache
def data() -> dict[str, Any]:
    """Three numbers with NaN, one category of 40, and targets of several kinds."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(400, 4)).astype(np.float32)
    rows[:, 3] = rng.integers(0, 40, 400)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    level = np.nan_to_num(rows[:, 0]) + np.isin(rows[:, 3], [1, 3, 5, 33, 39])
    return {
        "rows": rows,
        "real": np.abs(level) + 0.1,
        "half": (level > 0.5).astype(np.float32),
        "three": rng.integers(0, 3, 400),
        "two": np.stack([level, -level], 1),
    }


def walk(forest: base.Forest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raw margins [n, K] and leaf ids [n, T], tree after tree in f32."""
    with np.errstate(over="ignore"):
        values = rows.astype(np.float32)
    values = np.where(values == np.float32(forest.inputs.missing_value), np.float32(np.nan), values)
    trees, p = forest.trees, forest.predicates
    assert isinstance(trees, base.Trees)
    total = np.tile(forest.sum.base, (len(rows), 1))
    ids = np.zeros((len(rows), trees.n_trees), np.int32)
    for t in range(trees.n_trees):
        first, end = trees.node_offset[t : t + 2]
        node = np.full(len(rows), 0 if end > first else -1)
        while (active := np.flatnonzero(node >= 0)).size:
            at = first + node[active]
            asked = trees.predicate[at]
            x = values[active, p.input[asked]]
            left = np.where(p.test[asked] == base.Test.LESS, x < p.threshold[asked], in_set(p, asked, x))
            left = np.where(np.isnan(x), p.missing_left[asked], left)
            node[active] = np.where(left, trees.left[at], trees.right[at])
        leaf = trees.leaf_offset[t] + ~node
        ids[:, t] = trees.leaf_id[leaf]
        total[:, trees.column[t] : trees.column[t] + forest.leaf_width] += forest.leaves.values[trees.leaf_row[leaf]]
    return total, ids


def in_set(p: base.Predicates, asked: np.ndarray, x: np.ndarray) -> np.ndarray:
    invalid = ~((x >= 0) & (x < 2**24))
    code = np.where(invalid, 0, x).astype(np.int64)
    word = p.set_offset[p.category_set[asked]] + code // 32
    inside = word < p.set_offset[p.category_set[asked] + 1]
    words = np.append(p.set_words, np.uint32(0))[np.where(inside, word, -1)]
    return np.where(invalid, p.invalid_left[asked], (words >> (code % 32).astype(np.uint32)) & 1 == 1)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def check(forest: base.Forest, source: Any, rows: np.ndarray) -> None:
    """Raw margins, leaf ids, and the declared shapes and dtypes, against the library."""
    oracle = oracle_for(source)
    assert oracle is not None
    assert oracle.accepts(rows).all()
    total, ids = walk(forest, rows)
    assert same_bits(total, oracle.raw(rows))
    applied = oracle.apply(rows)
    assert applied is not None
    assert (applied.dtype, applied.shape[1:]) == (np.dtype(forest.outputs.apply_dtype), forest.outputs.apply_shape)
    assert np.array_equal(ids.reshape(applied.shape), applied)
    predicted = oracle.predict(rows)
    if forest.outputs.predicted is base.Predicted.LABEL:
        assert predicted.dtype == forest.outputs.classes[0].dtype
        assert set(predicted.tolist()) <= set(forest.outputs.classes[0].tolist())
    else:
        vector = forest.outputs.vector or forest.outputs.predicted is base.Predicted.CLASS_INDEX
        assert (predicted.dtype, predicted.ndim) == (np.float32, 1 if vector else 2)
    assert (oracle.predict_proba(rows) is not None) == forest.outputs.is_classifier


def train(objective: str, target: str, *, categories: bool = True, rounds: int = 4, **params: Any) -> Any:
    d = data()
    matrix = xgb.DMatrix(
        d["rows"], d[target], feature_types=TYPES if categories else None, enable_categorical=True, nthread=1
    )
    if objective.startswith("rank:"):
        matrix.set_group([100] * 4)
    return xgb.train({"objective": objective, "max_depth": 4, "nthread": 1, **params}, matrix, rounds)


@pytest.mark.parametrize(
    ("objective", "target", "params"),
    [
        ("reg:squarederror", "real", {}),
        ("reg:squaredlogerror", "real", {}),
        ("reg:absoluteerror", "real", {}),
        ("reg:pseudohubererror", "real", {}),
        ("reg:quantileerror", "real", {"quantile_alpha": 0.3}),
        ("reg:quantileerror", "real", {"quantile_alpha": [0.3, 0.6]}),
        ("reg:logistic", "half", {}),
        ("binary:logistic", "half", {}),
        ("binary:logistic", "half", {"base_score": 0.3}),
        ("binary:logitraw", "half", {}),
        ("binary:hinge", "half", {}),
        ("multi:softmax", "three", {"num_class": 3}),
        ("multi:softprob", "three", {"num_class": 3, "num_parallel_tree": 2}),
        ("count:poisson", "real", {}),
        ("reg:gamma", "real", {}),
        ("reg:tweedie", "real", {}),
        ("rank:pairwise", "half", {}),
        ("rank:ndcg", "half", {}),
        ("rank:map", "half", {}),
        ("reg:squarederror", "two", {}),
        ("reg:squarederror", "real", {"num_parallel_tree": 3, "subsample": 0.5}),
        ("reg:squarederror", "real", {"gamma": 5.0, "tree_method": "exact", "categories": False}),
        ("reg:squarederror", "two", {"multi_strategy": "multi_output_tree", "categories": False}),
        ("multi:softprob", "three", {"num_class": 3, "multi_strategy": "multi_output_tree", "categories": False}),
        ("reg:squarederror", "real", {"rounds": 1}),
        ("reg:squarederror", "real", {"max_depth": 1, "gamma": 1e9}),
        ("binary:logistic", "half", {"max_cat_to_onehot": 100}),
    ],
)
def test_every_objective_and_both_formats(objective: str, target: str, params: dict[str, Any]):
    booster = train(objective, target, **params)
    rows = np.tile(data()["rows"], (2, 1))[: 400 + len(EDGES)]
    rows[400:, 3] = EDGES
    for kind in ("json", "ubj"):
        saved = bytes(booster.save_raw(kind))
        check(forest_from_bytes(saved, place="model"), saved, rows)
    check(forest_from_object(booster), booster, rows)
    pickled = booster_bytes_from_state(booster.__getstate__())
    check(forest_from_bytes(pickled, place="model"), pickled, rows.astype(np.float64))


def test_a_model_without_trees_answers_its_base():
    booster = train("binary:logistic", "half", rounds=0, base_score=0.25)
    total, _ = walk(forest_from_object(booster), data()["rows"])
    assert same_bits(total[:, 0], booster.predict(xgb.DMatrix(data()["rows"]), output_margin=True))


@pytest.mark.parametrize(
    "objective", ["reg:squarederror", "binary:logistic", "binary:logitraw", "count:poisson", "reg:gamma", "reg:tweedie"]
)
def test_base_margins_over_many_scores(objective: str):
    document = json.loads(train(objective, "half" if "binary" in objective else "real", rounds=1).save_raw("json"))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [0.0] * len(tree["split_conditions"])
    booster = xgb.Booster({"nthread": 1})
    row = xgb.DMatrix(data()["rows"][:1], feature_types=TYPES, enable_categorical=True)
    for score in np.random.default_rng(1).random(60, np.float32):
        for text in (f"[{score!s}]", f"{score:.17g}"):
            document["learner"]["learner_model_param"]["base_score"] = text
            saved = json.dumps(document).encode()
            booster.load_model(bytearray(saved))
            assert same_bits(forest_from_bytes(saved, place="m").sum.base, booster.predict(row, output_margin=True))


def test_older_formats_say_the_same():
    booster = train("multi:softprob", "three", num_class=3, num_parallel_tree=2, base_score=0.5)
    document = json.loads(booster.save_raw("json"))
    document["version"] = [1, 3, 0]
    model = document["learner"]["gradient_booster"]["model"]
    del model["iteration_indptr"], model["cats"]
    del document["learner"]["learner_model_param"]["num_target"], document["learner"]["feature_names"]
    document["learner"]["learner_model_param"]["base_score"] = "5E-1"
    for tree in model["trees"]:
        tree["default_left"] = [bool(value) for value in tree["default_left"]]
    saved = json.dumps(document).encode()
    forest = forest_from_bytes(saved, place="model")
    check(forest, saved, data()["rows"])
    assert forest.trees.iteration_offset.tolist() == [0, 6, 12, 18, 24]


def test_vector_leaves_of_files_before_3_1_are_read_and_kept_from_the_library():
    booster = train("reg:squarederror", "two", multi_strategy="multi_output_tree", categories=False)
    document = json.loads(booster.save_raw("json"))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        rows = np.array(tree["base_weights"]).reshape(-1, 2)
        leaf = np.flatnonzero(np.array(tree["left_children"]) == -1)
        rows[leaf] = np.array(tree.pop("leaf_weights")).reshape(-1, 2)[np.array(tree["right_children"])[leaf]]
        tree["base_weights"] = rows.ravel().tolist()
        tree["right_children"] = np.where(np.array(tree["left_children"]) == -1, -1, tree["right_children"]).tolist()
    saved = json.dumps(document).encode()
    total, _ = walk(forest_from_bytes(saved, place="model"), data()["rows"])
    assert same_bits(total, booster.predict(xgb.DMatrix(data()["rows"]), output_margin=True))
    assert oracle_for(saved) is None


WRAPPERS = {
    "binary": (lambda: xgb.XGBClassifier, {}, "half"),
    "three classes": (lambda: xgb.XGBClassifier, {}, "three"),
    "softmax": (lambda: xgb.XGBClassifier, {"objective": "multi:softmax"}, "three"),
    "hinge": (lambda: xgb.XGBClassifier, {"objective": "binary:hinge"}, "half"),
    "logitraw": (lambda: xgb.XGBClassifier, {"objective": "binary:logitraw"}, "half"),
    "forest": (lambda: xgb.XGBRFClassifier, {}, "half"),
    "forest of three": (lambda: xgb.XGBRFClassifier, {}, "three"),
    "regressor": (lambda: xgb.XGBRegressor, {}, "real"),
    "two targets": (lambda: xgb.XGBRegressor, {}, "two"),
    "forest regressor": (lambda: xgb.XGBRFRegressor, {}, "real"),
    "ranker": (lambda: xgb.XGBRanker, {}, "half"),
    "stopped": (lambda: xgb.XGBRegressor, {"early_stopping_rounds": 2, "n_estimators": 50}, "real"),
    "missing": (lambda: xgb.XGBRegressor, {"missing": 0.25}, "real"),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_answer_like_wrappers(name: str):
    pytest.importorskip("sklearn")
    maker, params, target = WRAPPERS[name]
    d = data()
    rows = np.where(np.isnan(d["rows"]), np.float32(0.25), d["rows"]) if name == "missing" else d["rows"]
    extra: dict[str, Any] = {"qid": np.repeat(np.arange(4), 100)} if name == "ranker" else {}
    if name == "stopped":
        extra = {"eval_set": [(rows[::-1], d["real"])], "verbose": False}
    common: dict[str, Any] = {
        "n_estimators": 3,
        "max_depth": 3,
        "n_jobs": 1,
        "feature_types": TYPES,
        "enable_categorical": True,
    }
    model = maker()(**{**common, **params}).fit(rows, d[target], **extra)
    forest = forest_from_object(model)
    assert is_xgboost_object(model)
    check(forest, model, rows)
    if name == "stopped":
        assert 0 < forest.trees.n_trees == model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    state = {key: value for key, value in vars(model).items() if key != "_Booster"}
    booster = booster_bytes_from_state(model.get_booster().__getstate__())
    pickled = forest_from_wrapper_state(type(model).__name__, state, booster, place="m.pkl")
    assert same_bits(walk(pickled, rows)[0], walk(forest, rows)[0])
    assert pickled.outputs.predicted is forest.outputs.predicted


def test_a_multi_label_classifier_is_refused_by_name():
    pytest.importorskip("sklearn")
    labels = np.stack([data()["half"], 1 - data()["half"]], 1)
    model = xgb.XGBClassifier(n_estimators=2, n_jobs=1).fit(data()["rows"], labels)
    with pytest.raises(UnsupportedModelError, match="a multi-label classifier"):
        forest_from_object(model)


def test_a_wrapper_that_is_not_fitted_is_refused():
    pytest.importorskip("sklearn")
    with pytest.raises(ModelError, match="is not fitted"):
        forest_from_object(xgb.XGBRegressor())


def test_rows_are_codes_where_the_model_knows_the_categories_of_a_frame():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)
    frame = pandas.DataFrame(
        {
            "word": pandas.Categorical.from_codes(rng.integers(0, 5, 300), list("vwxyz")),
            "number": pandas.Categorical.from_codes(rng.integers(0, 6, 300), [3, 5, 7, 9, 11, 13]),
            "real": rng.normal(size=300),
        }
    )
    codes = np.stack([frame.word.cat.codes, frame.number.cat.codes, frame.real], 1).astype(np.float32)
    model = xgb.XGBRegressor(n_estimators=4, max_depth=3, n_jobs=1, enable_categorical=True)
    model.fit(frame, codes[:, 0] % 2 + codes[:, 1] % 3)
    forest = forest_from_object(model)
    check(forest, model, codes)
    assert same_bits(walk(forest, codes)[0][:, 0], model.predict(frame))
    assert forest.inputs.names == ("word", "number", "real")
    assert any("codes of the training data frame" in note for note in forest.source.notes)


def test_rows_that_the_library_refuses():
    oracle = oracle_for(train("reg:squarederror", "real"))
    assert oracle is not None
    rows = np.zeros((5, 4))
    rows[:, 0] = [np.inf, -np.inf, 1e300, np.nan, 3.4e38]
    assert oracle.accepts(rows).tolist() == [False, False, False, True, True]
    for row, accepted in zip(rows, oracle.accepts(rows), strict=True):
        if accepted:
            oracle.raw(row[np.newaxis])
        else:
            with pytest.raises(xgb.core.XGBoostError, match="inf"):
                oracle.raw(row[np.newaxis])


@pytest.mark.parametrize("kind", ["json", "ubj"])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.floats(0, 1),
)
def test_a_damaged_model_gives_a_forest_or_a_model_error(kind: str, changes: list[tuple[float, int]], cut: float):
    whole = saved_model(kind)
    with pytest.raises(ModelError):
        forest_from_bytes(whole[: int(cut * (len(whole) - 1))], place="model")
    damaged = bytearray(whole)
    for where, byte in changes:
        damaged[int(where * len(damaged))] = byte
    with suppress(ModelError):
        forest_from_bytes(bytes(damaged), place="model")


@cache
def saved_model(kind: str) -> bytes:
    return bytes(train("binary:logistic", "half", rounds=1, max_depth=2, max_cat_to_onehot=1).save_raw(kind))


def external(folder: Path) -> list[Path]:
    return [*folder.glob("treebeard/*.json"), *folder.glob("treebeard/random/*.json"), *folder.glob("trained/*.json")]


def test_models_that_others_trained(external_models: Path):
    """Where expected outputs lie beside a model, the link is computed in f64, so that 2 ulp are left to the library's."""
    rows_of = np.load(external_models / "trained" / "rows.npz")
    paths = external(external_models)
    assert len(paths) >= 30
    for path in paths:
        saved = path.read_bytes()
        forest = forest_from_bytes(saved, place=path.name)
        if path.parent.name == "trained":
            check(forest, saved, rows_of[path.stem][:100])
            continue
        table = np.loadtxt(f"{path}.csv", delimiter=",", dtype=np.float32, max_rows=200)
        check(forest, saved, table[:, :-1])
        raw = walk(forest, table[:, :-1])[0][:, 0]
        if forest.outputs.link is base.Link.XGB_SIGMOID:
            raw = (1 / (1 + np.exp(-raw.astype(np.float64)))).astype(np.float32)
        expected = table[:, -1]
        assert np.abs(raw.view(np.int32).astype(np.int64) - expected.view(np.int32)).max() <= 2, path.name

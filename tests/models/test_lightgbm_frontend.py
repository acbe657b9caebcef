"""The Forest of a LightGBM model answers like LightGBM: raw margins bit for bit, leaves, labels, shapes and dtypes."""

# pyright: basic

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import CategoryCast, Forest, LabelRule, Link, Missing, Predicted, Trees
from treec.frontends.base import Test as Question
from treec.frontends.lightgbm_model import forest_from_bytes
from treec.frontends.lightgbm_objects import (
    forest_from_object,
    forest_from_wrapper_state,
    is_lightgbm_object,
    model_text_from_state,
)
from treec.frontends.lightgbm_oracle import oracle_for

lgb: Any = pytest.importorskip("lightgbm")

ZERO = float(np.float32(1e-35))
QUIET = {
    "num_threads": 1,
    "verbosity": -1,
    "num_leaves": 7,
    "min_data_in_leaf": 5,
    "min_data_per_group": 5,
    "cat_smooth": 1,
}
Array = NDArray[Any]


def answers(forest: Forest, rows: Array) -> Array:
    """bool[n, P]: the predicates of the Forest, as frontends/base.py words them."""
    p = forest.predicates
    x = rows.astype(forest.inputs.dtype)[:, forest.inputs.column[p.input]]
    is_zero = np.abs(x) <= ZERO
    missing = np.where(p.missing == Missing.NONE, False, np.isnan(x) | ((p.missing == Missing.ZERO_OR_NAN) & is_zero))
    value = np.where(np.isnan(x), 0.0, x)
    assert set(p.test) <= {Question.LESS_EQUAL, Question.IN_SET}
    assert p.category_cast is CategoryCast.TRUNCATE
    left = value <= p.threshold
    cut = np.trunc(value)
    valid = (cut >= 0) & (cut < 2**31)
    code = np.where(valid, cut, 0).astype(np.int64)
    for index in np.flatnonzero(p.test == Question.IN_SET):
        first, last = p.set_offset[p.category_set[index] :][:2]
        words = np.append(p.set_words[first:last], np.uint32(0)).astype(np.int64)
        word = np.minimum(code[:, index] // 32, last - first)
        member = (words[word] >> (code[:, index] % 32)) & 1
        left[:, index] = np.where(valid[:, index], member == 1, p.invalid_left[index])
    return np.where(missing, p.missing_left, left)


def walk(forest: Forest, rows: Array) -> tuple[Array, Array]:
    """Raw margins (n, K) and leaf ids (n, T)."""
    trees = forest.trees
    assert isinstance(trees, Trees)
    goes_left = answers(forest, rows)
    every = np.arange(len(rows))
    raw = np.tile(forest.sum.base, (len(rows), 1))
    leaf_ids = np.zeros((len(rows), trees.n_trees), np.int32)
    for tree in range(trees.n_trees):
        base, size = trees.node_offset[tree], np.diff(trees.node_offset)[tree]
        at = np.zeros(len(rows), np.int64) if size else np.full(len(rows), -1)
        while (at >= 0).any():
            node = base + np.maximum(at, 0)
            left = goes_left[every, trees.predicate[node]]
            at = np.where(at >= 0, np.where(left, trees.left[node], trees.right[node]), at)
        leaf = trees.leaf_offset[tree] + ~at
        raw[:, trees.column[tree]] += forest.leaves.values[trees.leaf_row[leaf], 0]
        leaf_ids[:, tree] = trees.leaf_id[leaf]
    return raw, leaf_ids


def linked(forest: Forest, raw: Array) -> Array:
    """The response, with the C library's functions through ``math``."""
    out, scale = forest.outputs, forest.outputs.link_scale
    x = raw / out.average if out.average != 1.0 else raw
    scalar = {
        Link.IDENTITY: lambda v: v,
        Link.LGB_SIGMOID: lambda v: 1.0 / (1.0 + math.exp(-scale * v)),
        Link.LGB_EXP: math.exp,
        Link.LGB_SIGNED_SQUARE: lambda v: float(np.sign(v)) * v * v,
        Link.LGB_LOG1P_EXP: lambda v: math.log1p(math.exp(v)),
    }
    if out.link is Link.LGB_SOFTMAX:
        powers = np.array([[math.exp(v - row.max()) for v in row] for row in x])
        response = powers / np.add.accumulate(powers, axis=1)[:, -1:]
    else:
        response = np.array([[scalar[out.link](v) for v in row] for row in x]).reshape(x.shape)
    return response[:, 0] if out.vector else response


def edge_rows(forest: Forest, n: int = 300, seed: int = 0) -> Array:
    """Rows of thresholds and their neighbours, and of every kind of odd value, mixed over the features."""
    rng = np.random.default_rng(seed)
    p = forest.predicates
    odd = np.array(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-36, -1e-36, 1e300, -1e300, 0.5, -0.5, -1.0, -0.99]
    )
    around = np.array([v for z in (ZERO, -ZERO) for v in (z, np.nextafter(z, 9), np.nextafter(z, -9))])
    codes = np.array([1.0, 31.0, 32.0, 7.7, 63.5, 1000.0, 2.0**31 - 1, 2.0**31, 2.0**32 + 1, 1e18, -3.0, -(2.0**31) - 1])
    rows = rng.normal(size=(n, forest.inputs.n_features))
    for column in range(rows.shape[1]):
        own = p.threshold[(p.input == column) & (p.test == Question.LESS_EQUAL)]
        own = rng.permutation(own)[:60]
        pool = np.concatenate(
            [own, np.nextafter(own, np.inf), np.nextafter(own, -np.inf), odd, around, codes, np.arange(40.0)]
        )
        chosen = rng.random(n) < 0.8
        rows[chosen, column] = rng.choice(pool, int(chosen.sum()))
    return rows


def assert_same_as_library(forest: Forest, model: Any, rows: Array) -> None:
    """Bit-identical raw margins and links, equal leaves, with the shapes and dtypes that Outputs states."""
    raw, leaves = walk(forest, rows)
    library = model.predict(rows, raw_score=True, num_threads=1)
    assert library.dtype == forest.sum.dtype == np.float64
    assert library.shape == ((len(rows),) if forest.outputs.vector else (len(rows), forest.n_columns))
    assert np.array_equal(raw.reshape(library.shape).view(np.int64), library.view(np.int64))
    ids = model.predict(rows, pred_leaf=True, num_threads=1)
    assert ids.dtype == np.dtype(forest.outputs.apply_dtype)
    assert ids.shape == (len(rows), *forest.outputs.apply_shape)
    assert np.array_equal(ids, leaves)
    booster = getattr(model, "booster_", model)
    response = booster.predict(rows, num_threads=1)
    assert response.shape == library.shape
    assert np.array_equal(linked(forest, raw), response)


def data(seed: int = 0, n: int = 400) -> Array:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 5))
    rows[rng.random((n, 5)) < 0.15] = 0.0
    rows[rng.random((n, 5)) < 0.1] = np.nan
    rows[:, 4] = rng.integers(0, 70, n)
    return rows


def signal(rows: Array) -> Array:
    return np.nan_to_num(rows[:, 0]) + 0.3 * np.nan_to_num(rows[:, 1]) ** 2 + (rows[:, 4] % 3 == 0)


def trained(objective: Any, rows: Array, rounds: int = 8, **params: Any) -> Any:
    y = np.abs(signal(rows)) + 0.1
    extra: dict[str, Any] = {}
    if objective == "binary":
        y = (signal(rows) > 0.5).astype(float)
    elif str(objective).startswith("cross"):
        y = 1 / (1 + np.exp(-signal(rows)))
    elif str(objective).startswith("multi"):
        y, params = np.digitize(signal(rows), [0.0, 0.8]).astype(float), {"num_class": 3, **params}
    elif "rank" in str(objective):
        y, extra = np.digitize(signal(rows), [0.0, 0.8]).astype(float), {"group": [20] * (len(rows) // 20)}
    dataset = lgb.Dataset(rows, y, categorical_feature=[4], **extra)
    return lgb.train({**QUIET, "objective": objective, **params}, dataset, rounds)


def file_names(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("lleaves/*/model.txt")), folder / "trained" / "higgs_like_lgb500x31.txt"]


def test_models_of_others_give_the_librarys_margins_on_edge_rows(external_models: Path) -> None:
    for path in file_names(external_models):
        content = path.read_bytes()
        forest = forest_from_bytes(content, place=path.name)
        assert_same_as_library(forest, lgb.Booster(model_str=content.decode()), edge_rows(forest))


OBJECTIVES = (
    "regression regression_l1 huber fair quantile mape poisson gamma tweedie binary cross_entropy cross_entropy_lambda "
    "multiclass multiclassova lambdarank rank_xendcg"
)


@pytest.mark.parametrize("objective", OBJECTIVES.split(" "))
@pytest.mark.parametrize("boosting", ["gbdt", "rf"])
def test_every_objective(objective: str, boosting: str) -> None:
    rf = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6} if boosting == "rf" else {}
    booster = trained(objective, data(), **rf)
    forest = forest_from_bytes(booster.model_to_string().encode(), place="model")
    assert forest.outputs.average == (8.0 if boosting == "rf" else 1.0)
    assert forest.source.objective == objective
    assert_same_as_library(forest, booster, edge_rows(forest))


@pytest.mark.parametrize("objective", ["regression", "regression_l1", "fair", "quantile", "mape", "huber", "poisson"])
def test_square_root_of_labels(objective: str) -> None:
    booster = trained(objective, data(), reg_sqrt=True)
    forest = forest_from_object(booster)
    assert (forest.outputs.link is Link.LGB_SIGNED_SQUARE) == (objective not in ("huber", "poisson"))
    assert_same_as_library(forest, booster, edge_rows(forest))


MISSING: dict[str, tuple[dict[str, Any], Missing]] = {
    "nan": ({}, Missing.NAN),
    "none": ({"use_missing": False}, Missing.NONE),
    "zero": ({"zero_as_missing": True}, Missing.ZERO_OR_NAN),
}


@pytest.mark.parametrize("case", MISSING)
def test_every_missing_type(case: str) -> None:
    params, kind = MISSING[case]
    booster = trained("regression", data(), rounds=20, **params)
    forest = forest_from_object(booster)
    p = forest.predicates
    is_set = p.test == Question.IN_SET
    assert set(p.missing[~is_set]) == {kind}
    assert set(p.missing[is_set]) == {Missing.NAN}  # a missing category goes right, whatever the missing type
    assert set(p.missing_left[~is_set]) == ({False} if kind is Missing.NONE else {False, True})
    assert_same_as_library(forest, booster, edge_rows(forest, 1000))


@pytest.mark.parametrize(
    "params", [{"boosting": "dart"}, {"data_sample_strategy": "goss"}, {"extra_trees": True}, {"max_bin": 8}]
)
def test_ways_of_boosting(params: dict[str, Any]) -> None:
    booster = trained("binary", data(), rounds=20, **params)
    forest = forest_from_object(booster)
    assert_same_as_library(forest, booster, edge_rows(forest))


def test_category_sets_are_shared_and_long_ones_work() -> None:
    booster = trained("regression", data(n=2000), rounds=20, max_cat_to_onehot=1, cat_smooth=1, min_data_per_group=1)
    forest = forest_from_object(booster)
    p = forest.predicates
    assert (np.diff(p.set_offset) > 1).any()
    sets = [p.set_words[a:b].tobytes() for a, b in zip(p.set_offset[:-1], p.set_offset[1:], strict=True)]
    assert len(set(sets)) == len(sets)
    assert_same_as_library(forest, booster, edge_rows(forest, 1000))


def test_predicates_are_distinct_and_sorted_by_input() -> None:
    p = forest_from_object(trained("regression", data(), rounds=30)).predicates
    rows = list(zip(p.input, p.test, p.threshold, p.missing, p.missing_left, p.category_set, strict=True))
    assert len(set(rows)) == len(rows)
    assert (np.diff(p.input) >= 0).all()


def test_untrained_booster_has_no_trees() -> None:
    booster = lgb.Booster({**QUIET, "objective": "binary"}, lgb.Dataset(data(), signal(data()) > 0.5))
    forest = forest_from_object(booster)
    assert forest.trees.n_trees == 0
    assert np.array_equal(booster.predict(data(), raw_score=True), walk(forest, data())[0][:, 0])
    assert booster.predict(data(), pred_leaf=True).shape == (400, *forest.outputs.apply_shape)


def test_trees_of_one_leaf() -> None:
    booster = trained("binary", data(), rounds=3, min_data_in_leaf=10_000)
    forest = forest_from_object(booster)
    assert forest.trees.n_trees >= 1
    assert len(forest.predicates) == 0
    assert_same_as_library(forest, booster, edge_rows(forest, 20))


@pytest.mark.parametrize(
    "threshold", ["0", "-0.0", "1e-36", "-1e-36", "5e-324", "1.0000000180025095e-35", "-1.0000000180025095e-35"]
)
@pytest.mark.parametrize("decision", [0, 2, 4, 6, 8, 10])
def test_values_that_the_row_reader_makes_zero(threshold: str, decision: int) -> None:
    text = (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\n"
        "feature_names=a\nfeature_infos=[-1:1]\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\n"
        f"threshold={threshold}\ndecision_type={decision}\nleft_child=-1\nright_child=-2\nleaf_value=1 2\n"
        "leaf_count=1 1\ninternal_count=2\nis_linear=0\nshrinkage=1\n\n\nend of trees\n"
    )
    forest = forest_from_bytes(text.encode(), place="model")
    assert_same_as_library(forest, lgb.Booster(model_str=text), edge_rows(forest, 400))


def test_version_2_answers_as_todays_library_does() -> None:
    text = trained("binary", data()).model_to_string()
    old = text.replace("version=v4\n", "version=v2\n")
    forest = forest_from_bytes(old.encode(), place="model")
    assert "version 2" in forest.source.notes[0]
    assert_same_as_library(forest, lgb.Booster(model_str=old), edge_rows(forest))


def test_own_objective_gives_raw_outputs() -> None:
    def squares(predicted: Array, dataset: Any) -> tuple[Array, Array]:
        return predicted - dataset.get_label(), np.ones_like(predicted)

    booster = trained(squares, data())
    forest = forest_from_object(booster)
    assert forest.outputs.link is Link.IDENTITY
    assert forest.source.objective is None
    assert_same_as_library(forest, booster, edge_rows(forest))


def stopped_early() -> Any:
    rows, other = data(), data(1)
    dataset = lgb.Dataset(rows, signal(rows))
    return lgb.train(
        {**QUIET, "objective": "regression", "learning_rate": 0.9},
        dataset,
        200,
        valid_sets=[lgb.Dataset(other, signal(other), reference=dataset)],
        callbacks=[lgb.early_stopping(3, verbose=False)],
        keep_training_booster=True,  # otherwise the trees after the best iteration are dropped at once
    )


def test_best_iteration_of_booster_pickle_and_file() -> None:
    booster = stopped_early()
    best = booster.best_iteration
    assert 0 < best < booster.num_trees()
    state = booster.__getstate__()
    whole = model_text_from_state(state)
    forests = [
        forest_from_object(booster),
        forest_from_wrapper_state("Booster", state, whole, place="pickle"),
        forest_from_bytes(booster.model_to_string().encode(), place="file"),
    ]
    for forest in forests:
        assert forest.trees.n_trees == best
        assert_same_as_library(forest, booster, edge_rows(forest))
    everything = forest_from_bytes(whole.encode(), place="file")
    assert everything.trees.n_trees == booster.num_trees()


def test_booster_in_training_keeps_all_digits_of_its_sigmoid() -> None:
    rows = data()
    booster = lgb.Booster({**QUIET, "objective": "binary", "sigmoid": 0.123456789}, lgb.Dataset(rows, signal(rows) > 0.5))
    for _ in range(5):
        booster.update()
    forest = forest_from_object(booster)
    assert forest.outputs.link_scale == 0.123456789
    assert_same_as_library(forest, booster, edge_rows(forest))
    again = pickle.loads(pickle.dumps(booster))
    assert forest_from_object(again).outputs.link_scale == 0.123457
    assert_same_as_library(forest_from_object(again), again, edge_rows(forest))


def classifier(y: Array, **params: Any) -> Any:
    model = lgb.LGBMClassifier(n_estimators=6, num_leaves=7, min_child_samples=5, n_jobs=1, verbosity=-1, **params)
    return model.fit(data(), y)


def labels_of(forest: Forest, rows: Array) -> Array:
    response = linked(forest, walk(forest, rows)[0])
    index = response.argmax(1) if forest.outputs.label is LabelRule.ARGMAX else (response > 0.5).astype(int)
    return forest.outputs.classes[0][index]


CLASSES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "binary": ([3, 8], {}),
    "strings": (["no", "yes"], {}),
    "booleans": ([False, True], {"class_weight": "balanced"}),
    "three": (["a", "b", "c"], {}),
    "one against all": ([-1, 0, 5], {"objective": "multiclassova"}),
    "two columns": ([0, 1], {"objective": "multiclass", "num_class": 2}),
    "cross entropy": ([0, 1], {"objective": "cross_entropy"}),
    "random forest": ([0, 1, 2], {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1}),
}


@pytest.mark.parametrize("case", CLASSES)
def test_classifier_labels_and_probabilities(case: str) -> None:
    names, params = CLASSES[case]
    cuts = np.linspace(0.0, 1.0, len(names))[:-1]
    model = classifier(np.array(names)[np.digitize(signal(data()), cuts)], **params)
    forest = forest_from_object(model)
    rows = edge_rows(forest)
    assert_same_as_library(forest, model, rows)
    outputs = forest.outputs
    assert outputs.is_classifier
    assert outputs.predicted is Predicted.LABEL
    expected = model.predict(rows)
    assert np.array_equal(labels_of(forest, rows), expected)
    assert labels_of(forest, rows).dtype == expected.dtype
    response = linked(forest, walk(forest, rows)[0])
    proba = np.stack([1.0 - response, response], 1) if outputs.binary_proba else response
    assert np.array_equal(proba, model.predict_proba(rows))


def test_tie_of_probabilities_is_the_first_class() -> None:
    y = np.repeat([0, 1], 200)
    model = lgb.LGBMClassifier(n_estimators=2, min_child_samples=10_000, n_jobs=1, verbosity=-1).fit(data(), y)
    forest = forest_from_object(model)
    assert (model.predict_proba(data()) == 0.5).all()
    assert np.array_equal(labels_of(forest, data()), model.predict(data()))


def test_classifier_of_one_class() -> None:
    model = classifier(np.full(400, 7))
    forest = forest_from_object(model)
    assert np.array_equal(labels_of(forest, data()), model.predict(data()))


def test_classifier_with_an_objective_of_its_own_answers_raw() -> None:
    def logistic(y: Array, raw: Array) -> tuple[Array, Array]:
        p = 1 / (1 + np.exp(-raw))
        return p - y, p * (1 - p)

    model = classifier((signal(data()) > 0.5).astype(int), objective=logistic)
    forest = forest_from_object(model)
    assert forest.outputs.predicted is Predicted.RESPONSE
    oracle = oracle_for(model)
    assert oracle is not None
    raw = walk(forest, data())[0]
    assert np.array_equal(oracle.predict(data()), raw[:, 0])
    proba: Any = oracle.predict_proba(data())
    assert np.array_equal(proba, raw[:, 0])


@pytest.mark.parametrize("name", ["LGBMRegressor", "LGBMRanker", "LGBMModel"])
def test_other_wrappers(name: str) -> None:
    options = {"objective": "poisson"} if name == "LGBMModel" else {}
    model = getattr(lgb, name)(n_estimators=5, num_leaves=7, min_child_samples=5, n_jobs=1, verbosity=-1, **options)
    rows = data()
    y = np.digitize(signal(rows), [0.0, 0.8])
    model.fit(rows, y, **({"group": [20] * 20} if name == "LGBMRanker" else {}))
    forest = forest_from_object(model)
    assert not forest.outputs.is_classifier
    assert forest.source.name == name
    assert_same_as_library(forest, model, edge_rows(forest))
    assert np.array_equal(model.predict(rows), linked(forest, walk(forest, rows)[0]))


def test_wrapper_stops_at_its_best_iteration() -> None:
    rows, other = data(), data(1)
    model = lgb.LGBMRegressor(n_estimators=200, learning_rate=0.9, n_jobs=1, verbosity=-1)
    model.fit(
        rows, signal(rows), eval_X=(other,), eval_y=(signal(other),), callbacks=[lgb.early_stopping(3, verbose=False)]
    )
    assert forest_from_object(model).trees.n_trees == model.best_iteration_ == 2
    model.booster_.best_iteration = 1  # what predict looks at; fit has already dropped the later trees
    state = vars(model)
    nested = {**state, "_Booster": state["_Booster"].__getstate__()}
    for forest in (
        forest_from_object(model),
        forest_from_wrapper_state("LGBMRegressor", nested, model_text_from_state(nested), place="pickle"),
    ):
        assert forest.trees.n_trees == 1
        assert_same_as_library(forest, model, edge_rows(forest))


def test_pandas_categories_are_noted() -> None:
    pd = pytest.importorskip("pandas")
    rows = data()
    frame = pd.DataFrame({"a": rows[:, 0], "b": pd.Categorical(np.array(["x", "y", "z"])[rows[:, 4].astype(int) % 3])})
    model = lgb.LGBMRegressor(n_estimators=3, n_jobs=1, verbosity=-1).fit(frame, signal(rows))
    forest = forest_from_object(model)
    assert any("pandas categories" in note for note in forest.source.notes)
    assert forest.inputs.names == ("a", "b")
    assert forest.inputs.types == ("numerical", "categorical")
    codes = np.column_stack([frame["a"], frame["b"].cat.codes]).astype(float)
    assert np.array_equal(walk(forest, codes)[0][:, 0], model.predict(frame))


def test_oracle_shapes() -> None:
    y = np.digitize(signal(data()), [0.0, 0.8])
    model = classifier(y)
    rows = data(3)
    for source, probabilities in (
        (model, True),
        (model.booster_, False),
        (model.booster_.model_to_string().encode(), False),
    ):
        oracle = oracle_for(source)
        assert oracle is not None
        assert (oracle.library, oracle.version) == ("lightgbm", lgb.__version__)
        assert oracle.accepts(rows).all()
        assert not oracle.accepts(rows[:, :3]).any()
        assert oracle.raw(rows).shape == (400, 3)
        assert (oracle.predict_proba(rows) is not None) == probabilities
        leaves = oracle.apply(rows)
        assert leaves is not None
        assert leaves.shape == (400, 18)
        assert oracle.raw(rows[:0]).shape == (0, 3)
        empty = oracle.apply(rows[:0])
        assert empty is not None
        assert empty.shape == (0, 18)


def test_oracle_of_something_else_is_none() -> None:
    assert oracle_for(b"not a model") is None
    assert oracle_for(object()) is None
    assert not is_lightgbm_object(object())
    assert not is_lightgbm_object(lgb.Dataset(data()))


def test_oracle_says_nothing(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    pd = pytest.importorskip("pandas")
    model = lgb.LGBMClassifier(n_estimators=2, n_jobs=1, verbosity=-1).fit(
        pd.DataFrame(data()[:, :2]), signal(data()) > 0.5
    )
    recwarn.clear()
    oracle = oracle_for(model)
    assert oracle is not None
    oracle.predict(data()[:, :2])
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_classes_that_predict_in_their_own_way_are_refused() -> None:
    class Doubled(lgb.LGBMRegressor):
        def predict(self, X: Any, **kwargs: Any) -> Any:
            return 2 * super().predict(X, **kwargs)

    class Named(lgb.LGBMRegressor):
        pass

    with pytest.raises(UnsupportedModelError, match="Doubled has a `predict` of its own"):
        forest_from_object(Doubled(n_estimators=2, n_jobs=1, verbosity=-1).fit(data(), signal(data())))
    model = Named(n_estimators=2, n_jobs=1, verbosity=-1).fit(data(), signal(data()))
    assert_same_as_library(forest_from_object(model), model, data())
    with pytest.raises(ModelError, match="LGBMRegressor holds no trained model"):
        forest_from_object(lgb.LGBMRegressor())


def test_stopping_a_prediction_early_changes_answers_and_is_refused() -> None:
    model = classifier(
        (signal(data()) > 0.5).astype(int), pred_early_stop=True, pred_early_stop_margin=0.1, pred_early_stop_freq=1
    )
    whole = model.booster_.predict(data(), raw_score=True)
    assert not np.array_equal(model.predict(data(), raw_score=True), whole)
    with pytest.raises(UnsupportedModelError, match="pred_early_stop"):
        forest_from_object(model)


def test_linear_trees_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="tree 0 has linear functions in its leaves"):
        forest_from_object(trained("regression", np.nan_to_num(data()), linear_tree=True))

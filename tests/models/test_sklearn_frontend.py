"""The Forest of every scikit-learn estimator answers like the estimator: raw bit for bit, leaves, labels, shapes, dtypes.

Live, pickled and joblib forms give the same Forest. The walk here is the test's own; the shared interpreter is compared
with it once.
"""

# pyright: basic

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.frontends.base import Final, Forest, LabelRule, Link, Missing, Predicted, Trees
from treec.frontends.base import Test as Question
from treec.frontends.load import LoadedModel, load_model

sklearn: Any = pytest.importorskip("sklearn")
joblib: Any = pytest.importorskip("joblib")

from sklearn import datasets, ensemble, tree  # noqa: E402

Array = NDArray[Any]


# What a Forest means, as frontends/base.py words it.


def inputs_of(forest: Forest, rows: Array) -> Array:
    inputs = forest.inputs
    with np.errstate(over="ignore"):
        values = rows.astype(inputs.dtype)[:, inputs.column]
    if inputs.table_offset is not None and inputs.table_value is not None:
        for i in range(inputs.n_inputs):
            table = inputs.table_value[inputs.table_offset[i] : inputs.table_offset[i + 1]]
            if len(table):
                equal = values[:, i, None] == table
                values[:, i] = np.where(equal.any(axis=1), equal.argmax(axis=1), np.nan)
    return values


def goes_left(forest: Forest, ids: Array, values: Array) -> Array:
    p = forest.predicates
    assert np.all(p.missing == Missing.NAN)
    left = values <= p.threshold[ids]
    for at in np.flatnonzero(p.test[ids] == Question.IN_SET):
        words = p.set_words[slice(*p.set_offset[p.category_set[ids[at]] :][:2])]
        code = -1 if np.isnan(values[at]) else int(values[at])
        left[at] = code >= 0 and code // 32 < len(words) and bool(words[code // 32] >> np.uint32(code % 32) & 1)
    return np.where(np.isnan(values), p.missing_left[ids], left)


def walk(forest: Forest, rows: Array) -> tuple[Array, Array]:
    """Raw f64[n, K] and the library's leaf ids i32[n, T]."""
    t, values = forest.trees, inputs_of(forest, rows)
    assert isinstance(t, Trees)
    n = len(rows)
    total = np.tile(forest.sum.base, (n, 1))
    ids = np.zeros((n, t.n_trees), np.int32)
    for k in range(t.n_trees):
        first, last = t.node_offset[k : k + 2]
        at = np.full(n, 0 if last > first else -1)
        while len(inside := np.flatnonzero(at >= 0)):
            node = first + at[inside]
            predicate = t.predicate[node]
            left = goes_left(forest, predicate, values[inside, forest.predicates.input[predicate]])
            at[inside] = np.where(left, t.left[node], t.right[node])
        leaf = t.leaf_offset[k] + ~at
        ids[:, k] = t.leaf_id[leaf]
        terms = forest.leaves.values[t.leaf_row[leaf]]
        if t.weight is not None:
            terms = terms * t.weight[k]
        total[:, t.column[k] : t.column[k] + terms.shape[1]] += terms
    assert forest.sum.base_first
    return (total / forest.sum.operand if forest.sum.final is Final.DIVIDE else total), ids


def response_of(forest: Forest, raw: Array) -> Array:
    out = forest.outputs
    if out.link is Link.SKL_EXPIT:
        return 1 / (1 + np.exp(-out.link_scale * raw))
    if out.link is Link.SKL_SOFTMAX:
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return np.exp(raw) if out.link is Link.SKL_EXP else raw


def labels_of(forest: Forest, raw: Array) -> Array:
    out = forest.outputs
    if out.label is LabelRule.ARGMAX:
        ends = np.cumsum(out.groups or (raw.shape[1],))
        parts = np.split(raw, ends[:-1], axis=1)
        labels = [classes[part.argmax(axis=1)] for classes, part in zip(out.classes, parts, strict=True)]
        return labels[0] if len(labels) == 1 else np.column_stack(labels)
    above = raw[:, 0] >= 0 if out.label is LabelRule.RAW_AT_LEAST_ZERO else raw[:, 0] > 0
    return out.classes[0][above.astype(int)]


# Data: scikit-learn's own, with missing values and categories where estimators take them.


def holes(rows: Array, share: float, seed: int) -> Array:
    out = rows.astype(np.float64)
    out[np.random.default_rng(seed).random(rows.shape) < share] = np.nan
    return out


def data(name: str) -> tuple[Array, Array]:
    base, _, change = name.partition(" ")
    rows, target = getattr(datasets, f"load_{base}")(return_X_y=True)
    if change == "nan":
        return holes(rows, 0.1, 1), target
    if change == "text":
        return rows, np.array(["setosa", "vi", "x"])[target]
    if change == "objects":
        return rows, np.array(["setosa", "vi", "x"], object)[target]
    if change == "outputs":
        return rows, np.column_stack([target, target % 2, np.arange(len(target)) % 5])
    if change == "constant":
        return rows, np.zeros_like(target)
    if change.startswith("categories"):
        rng = np.random.default_rng(2)
        rows = np.column_stack(
            [rows[:, 0], rng.integers(-3, 4, len(rows)) * 2.5, rows[:, 1:], rng.integers(0, 40, len(rows))]
        )
        target = (target + (rows[:, 1] > 2) + (rows[:, -1] % 5 > 2)) % 3
        return (rows if change == "categories" else holes(rows, 0.1, 3)), target
    return rows, target


def gradient(**options: Any) -> Any:
    kind = "Regressor" if options.pop("regression", False) else "Classifier"
    return getattr(ensemble, f"GradientBoosting{kind}")(n_estimators=6, random_state=0, **options)


def hist(**options: Any) -> Any:
    kind = "Regressor" if options.pop("regression", False) else "Classifier"
    settings = {"max_iter": 5, "min_samples_leaf": 3, "random_state": 0} | options
    return getattr(ensemble, f"HistGradientBoosting{kind}")(**settings)


def grown(cls: Any, *, n: int = 5, **options: Any) -> Any:
    return cls(n_estimators=n, random_state=0, max_depth=6, **options)


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "tree": (lambda: tree.DecisionTreeClassifier(random_state=0), "iris"),
    "tree text": (lambda: tree.DecisionTreeClassifier(max_depth=2), "iris text"),
    "tree objects": (lambda: tree.DecisionTreeClassifier(max_depth=2), "iris objects"),
    "tree outputs": (lambda: tree.DecisionTreeClassifier(max_leaf_nodes=9), "iris outputs"),
    "tree one class": (lambda: tree.DecisionTreeClassifier(), "iris constant"),
    "tree digits": (lambda: tree.DecisionTreeClassifier(max_depth=6), "digits"),
    "tree nan": (lambda: tree.DecisionTreeClassifier(max_depth=5), "iris nan"),
    "tree pruned": (lambda: tree.DecisionTreeClassifier(ccp_alpha=0.01), "iris"),
    "extra tree": (lambda: tree.ExtraTreeClassifier(random_state=0), "iris"),
    "regression tree": (lambda: tree.DecisionTreeRegressor(max_depth=5), "diabetes"),
    "regression tree outputs": (lambda: tree.DecisionTreeRegressor(max_depth=4), "diabetes outputs"),
    "regression tree nan": (lambda: tree.DecisionTreeRegressor(max_depth=5), "diabetes nan"),
    "regression tree one leaf": (lambda: tree.DecisionTreeRegressor(), "diabetes constant"),
    "regression extra tree": (lambda: tree.ExtraTreeRegressor(max_depth=5, random_state=0), "diabetes"),
    "forest": (lambda: grown(ensemble.RandomForestClassifier, n_jobs=2), "iris"),
    "forest binary": (lambda: grown(ensemble.RandomForestClassifier), "breast_cancer"),
    "forest digits": (lambda: grown(ensemble.RandomForestClassifier), "digits"),
    "forest outputs": (lambda: grown(ensemble.RandomForestClassifier, max_samples=0.5), "iris outputs"),
    "forest nan": (lambda: grown(ensemble.RandomForestClassifier), "iris nan"),
    "forest weights": (lambda: grown(ensemble.RandomForestClassifier, class_weight="balanced"), "iris text"),
    "extra forest": (lambda: grown(ensemble.ExtraTreesClassifier), "iris"),
    "extra forest nan": (lambda: grown(ensemble.ExtraTreesClassifier), "iris nan"),
    "regression forest": (lambda: grown(ensemble.RandomForestRegressor, n=7, n_jobs=2), "diabetes"),
    "regression forest outputs": (lambda: grown(ensemble.RandomForestRegressor, n=3), "diabetes outputs"),
    "regression forest nan": (lambda: grown(ensemble.RandomForestRegressor, n=3), "diabetes nan"),
    "regression extra forest": (lambda: grown(ensemble.ExtraTreesRegressor, n=7), "diabetes"),
    "boosting": (lambda: gradient(), "iris"),
    "boosting text": (lambda: gradient(subsample=0.5), "iris text"),
    "boosting binary": (lambda: gradient(), "breast_cancer"),
    "boosting exponential": (lambda: gradient(loss="exponential"), "breast_cancer"),
    "boosting zero": (lambda: gradient(init="zero"), "iris"),
    "boosting early stop": (lambda: gradient(n_iter_no_change=1, validation_fraction=0.3), "breast_cancer"),
    "regression boosting": (lambda: gradient(regression=True), "diabetes"),
    "regression boosting absolute": (lambda: gradient(regression=True, loss="absolute_error"), "diabetes"),
    "regression boosting huber": (lambda: gradient(regression=True, loss="huber"), "diabetes"),
    "regression boosting quantile": (lambda: gradient(regression=True, loss="quantile"), "diabetes"),
    "regression boosting zero": (lambda: gradient(regression=True, init="zero", learning_rate=1), "diabetes"),
    "hist": (lambda: hist(), "iris"),
    "hist binary": (lambda: hist(early_stopping=True), "breast_cancer"),
    "hist text": (lambda: hist(), "iris text"),
    "hist nan": (lambda: hist(), "iris nan"),
    "hist one leaf": (lambda: hist(min_samples_leaf=1000), "iris"),
    "hist categories": (lambda: hist(categorical_features=[1, 5]), "iris categories"),
    "hist categories nan": (lambda: hist(categorical_features=[5, 1]), "iris categories nan"),
    "hist one category": (lambda: hist(categorical_features=[1]), "iris categories nan"),
    "regression hist": (lambda: hist(regression=True), "diabetes"),
    "regression hist absolute": (lambda: hist(regression=True, loss="absolute_error"), "diabetes nan"),
    "regression hist poisson": (lambda: hist(regression=True, loss="poisson"), "diabetes"),
    "regression hist gamma": (lambda: hist(regression=True, loss="gamma"), "diabetes nan"),
    "regression hist quantile": (lambda: hist(regression=True, loss="quantile", quantile=0.7), "diabetes"),
}


@pytest.fixture(scope="module")
def fitted() -> Callable[[str], tuple[Any, Array]]:
    """Each case is trained once."""
    made: dict[str, tuple[Any, Array]] = {}

    def get(case: str) -> tuple[Any, Array]:
        if case not in made:
            estimator, source = CASES[case]
            rows, target = data(source)
            made[case] = (estimator().fit(rows, target), rows)
        return made[case]

    return get


def boundary_rows(forest: Forest, rows: Array, seed: int = 0) -> Array:
    """Training rows, rows at thresholds and one step beside them, and rows with NaN, infinities and huge numbers."""
    rng = np.random.default_rng(seed)
    near = rows[rng.integers(0, len(rows), 60)].astype(np.float64)
    p = forest.predicates
    for i, column in enumerate(forest.inputs.column):
        thresholds = p.threshold[(p.input == i) & (p.test == Question.LESS_EQUAL) & np.isfinite(p.threshold)]
        if not len(thresholds):
            continue
        for row in range(len(near)):
            value = thresholds[rng.integers(len(thresholds))]
            side = value.dtype.type(rng.choice([-np.inf, np.inf]))
            near[row, column] = value if rng.random() < 0.4 else np.nextafter(value, side)
    odd = holes(rows[:40], 0.3, seed)
    wild = rows[:40].astype(np.float64)
    for value in (np.inf, -np.inf, 1e300, -1e300, 1e-300, -0.0, 999.0):
        wild[rng.random(wild.shape) < 0.05] = value
    return np.concatenate([rows[:60], near, odd, wild])


@pytest.mark.parametrize("case", CASES)
def test_answers_are_the_library_s_to_the_last_bit(case: str, fitted: Callable[[str], tuple[Any, Array]]) -> None:
    estimator, training = fitted(case)
    loaded = load_model(estimator)
    forest, oracle = loaded.forest, loaded.oracle()
    assert oracle is not None
    whole = boundary_rows(forest, training)
    with np.errstate(over="ignore"):
        narrow = whole.astype(np.float32)
    for rows in (whole, narrow, np.asfortranarray(whole)):
        rows = rows[oracle.accepts(rows)]
        assert len(rows) > 100
        raw, ids = walk(forest, rows)
        wanted = oracle.raw(rows)
        assert wanted.dtype == np.float64
        assert raw.tobytes() == np.ascontiguousarray(wanted).tobytes()
        check_leaves(forest, ids, oracle.apply(rows))
        check_responses(forest, raw, oracle.predict(rows), oracle.predict_proba(rows))


def check_leaves(forest: Forest, ids: Array, applied: Array | None) -> None:
    if applied is not None:
        assert applied.dtype.str == forest.outputs.apply_dtype
        assert applied.shape[1:] == forest.outputs.apply_shape
        assert ids.reshape(applied.shape).tolist() == applied.tolist()


def check_responses(forest: Forest, raw: Array, predicted: Array, shares: Any) -> None:
    out, response = forest.outputs, response_of(forest, raw)
    assert out.is_classifier == (shares is not None)
    if out.predicted is Predicted.LABEL:
        labels = labels_of(forest, raw)
        assert labels.dtype == predicted.dtype
        assert labels.tolist() == predicted.tolist()
        if out.binary_proba:
            shares, response = shares[:, 1:], response
        shares = np.concatenate(shares, axis=1) if isinstance(shares, list) else shares
        np.testing.assert_array_max_ulp(response, shares, 4)
    else:
        assert predicted.ndim == (1 if out.vector else 2)
        np.testing.assert_array_max_ulp(response.reshape(predicted.shape), predicted, 2)


def same(left: Forest, right: Forest) -> None:
    for part in fields(Forest):
        if part.name == "source":
            continue
        for field in fields(getattr(left, part.name)):
            a, b = (getattr(getattr(forest, part.name), field.name) for forest in (left, right))
            if isinstance(a, np.ndarray):
                assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), field.name
            else:
                assert repr(a) == repr(b), field.name


def forms(estimator: Any, protocols: tuple[int, ...] = (0, 2, 4, 5)) -> list[bytes]:
    files = [pickle.dumps(estimator, protocol) for protocol in protocols]
    for compress in (0, 3):
        buffer = io.BytesIO()
        joblib.dump(estimator, buffer, compress=compress)
        files.append(buffer.getvalue())
    return files


@pytest.mark.parametrize("case", CASES)
def test_live_pickled_and_joblib_estimators_are_one_forest(case: str, fitted: Callable[[str], tuple[Any, Array]]) -> None:
    estimator, training = fitted(case)
    live = load_model(estimator)
    live_oracle = live.oracle()
    assert live_oracle is not None
    rows = training[:30]
    rows = rows[live_oracle.accepts(rows)]
    for file in forms(estimator):
        loaded = load_model(file)
        same(loaded.forest, live.forest)
        assert loaded.forest.source.version == sklearn.__version__
        oracle = loaded.oracle()
        assert oracle is not None
        assert oracle.raw(rows).tobytes() == live_oracle.raw(rows).tobytes()
        assert oracle.predict(rows).tolist() == live_oracle.predict(rows).tolist()


@pytest.mark.parametrize("case", ["forest outputs", "boosting exponential", "hist categories nan", "regression hist gamma"])
def test_the_shared_interpreter_agrees_with_this_walk(case: str, fitted: Callable[[str], tuple[Any, Array]]) -> None:
    interpreter = pytest.importorskip("treec.treeir.interp.forest")
    estimator, training = fitted(case)
    forest = load_model(estimator).forest
    rows = boundary_rows(forest, training)
    rows = rows[load_oracle(load_model(estimator)).accepts(rows)]
    raw, ids = walk(forest, rows)
    assert interpreter.raw(forest, rows).tobytes() == raw.tobytes()
    assert interpreter.leaf_ids(forest, rows).tolist() == ids.tolist()


def load_oracle(loaded: LoadedModel) -> Any:
    oracle = loaded.oracle()
    assert oracle is not None
    return oracle


def test_a_forest_on_two_jobs_is_compared_on_one_and_left_as_it_was(fitted: Callable[[str], tuple[Any, Array]]) -> None:
    estimator, training = fitted("regression forest")
    load_oracle(load_model(estimator)).raw(training[:5])
    assert estimator.n_jobs == 2


@pytest.mark.parametrize(
    ("case", "nan", "infinite"),
    [("forest", True, False), ("extra tree", True, False), ("boosting", False, False), ("hist", True, True)],
)
def test_the_oracle_knows_which_rows_the_library_refuses(
    case: str, nan: bool, infinite: bool, fitted: Callable[[str], tuple[Any, Array]]
) -> None:
    estimator, training = fitted(case)
    oracle = load_oracle(load_model(estimator))
    for value, fine in ((np.nan, nan), (np.inf, infinite), (1e300, infinite), (1e30, True)):
        rows = training[:3].astype(np.float64)
        rows[1, 0] = value
        assert oracle.accepts(rows).tolist() == [True, fine, True]
        if fine:
            oracle.raw(rows)
        else:
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                estimator.predict(rows)


def test_infinities_in_a_categorical_column_are_refused_as_the_library_does(
    fitted: Callable[[str], tuple[Any, Array]],
) -> None:
    estimator, training = fitted("hist categories")
    rows = np.repeat(training[:1], 3, axis=0)
    rows[1, 1] = np.inf
    rows[2, 0] = np.inf
    assert load_oracle(load_model(estimator)).accepts(rows).tolist() == [True, False, True]
    with pytest.raises(ValueError, match="infinity"):
        estimator.predict(rows[1:2])


def test_a_boosting_start_is_the_library_s_for_many_class_shares() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 1))
    for n_classes in (2, 3, 9, 20):
        for _ in range(4):
            shares = rng.dirichlet(np.ones(n_classes))
            target = np.concatenate([np.arange(n_classes), rng.choice(n_classes, 400 - n_classes, p=shares)])
            model = ensemble.GradientBoostingClassifier(n_estimators=1, max_depth=1).fit(rows, target)
            wanted = model._raw_predict_init(rows[:7].astype(np.float32))
            assert np.tile(load_model(model).forest.sum.base, (7, 1)).tobytes() == wanted.tobytes()


def test_feature_names_and_categories_of_a_table_are_kept() -> None:
    pandas = pytest.importorskip("pandas")
    rows, target = data("iris categories")
    table = pandas.DataFrame(rows, columns=list("abcdef"))
    table["b"] = (table["b"] * 2).astype(int).astype("category")
    model = hist().fit(table, target)
    for form in (model, pickle.dumps(model)):
        forest = load_model(form).forest
        assert forest.inputs.names == tuple("abcdef")
        assert forest.inputs.column.tolist() == [1, 0, 2, 3, 4, 5]
        assert forest.inputs.table_value is not None
        assert forest.inputs.table_value.tolist() == sorted({float(v) for v in table["b"]})
        plain = table.astype(float).to_numpy()
        raw, _ = walk(forest, plain)
        assert raw.tobytes() == np.ascontiguousarray(model.decision_function(table)).tobytes()


def test_leaf_vectors_are_shared_and_counts_are_the_library_s(fitted: Callable[[str], tuple[Any, Array]]) -> None:
    estimator, training = fitted("tree")
    forest = load_model(estimator).forest
    assert isinstance(forest.trees, Trees)
    assert len(forest.leaves.values) == 3 < forest.trees.n_leaves
    assert forest.trees.node_count is not None
    assert forest.trees.leaf_count is not None
    assert forest.trees.node_count[0] == len(training)
    assert forest.trees.leaf_count.sum() == len(training)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: __import__("sklearn.pipeline").pipeline.make_pipeline(tree.DecisionTreeClassifier()), "last step"),
        (lambda: ensemble.VotingClassifier([("a", tree.DecisionTreeClassifier())]), "supported are"),
        (lambda: ensemble.AdaBoostClassifier(n_estimators=2), "supported are"),
        (lambda: ensemble.BaggingClassifier(n_estimators=2), "supported are"),
        (lambda: ensemble.IsolationForest(n_estimators=2), "supported are"),
    ],
    ids=["pipeline", "voting", "adaboost", "bagging", "isolation"],
)
def test_other_estimators_are_refused_by_name_with_a_way_out(make: Callable[[], Any], hint: str) -> None:
    from treec.errors import UnsupportedModelError

    estimator = make().fit(*data("iris"))
    for form in (estimator, pickle.dumps(estimator)):
        with pytest.raises(UnsupportedModelError, match=type(estimator).__name__) as caught:
            load_model(form)
        assert hint in str(caught.value)


class Quiet(tree.DecisionTreeClassifier):
    """Adds nothing to the answers."""


class Loud(tree.DecisionTreeClassifier):
    def predict(self, X: Any, check_input: bool = True) -> Any:
        return super().predict(X, check_input) + 1


def test_a_subclass_counts_as_its_base_unless_it_changes_answers() -> None:
    from treec.errors import ModelError, UnsupportedModelError

    rows, target = data("iris")
    base = tree.DecisionTreeClassifier(random_state=0).fit(rows, target)
    quiet = Quiet(random_state=0).fit(rows, target)
    same(load_model(quiet).forest, load_model(base).forest)
    with pytest.raises(ModelError):
        load_model(pickle.dumps(quiet))
    with pytest.raises(UnsupportedModelError, match="overrides predict"):
        load_model(Loud().fit(rows, target))


def test_an_estimator_that_was_not_fitted_is_refused() -> None:
    from treec.errors import ModelError

    for estimator in (tree.DecisionTreeClassifier(), grown(ensemble.RandomForestRegressor), gradient(), hist()):
        for form in (estimator, pickle.dumps(estimator)):
            with pytest.raises(ModelError, match="fit the estimator"):
                load_model(form)


def test_a_classifier_of_one_class_is_refused_where_it_has_no_answer() -> None:
    from treec.errors import UnsupportedModelError

    model = hist().fit(data("iris")[0], np.zeros(150))
    with pytest.raises(UnsupportedModelError, match="one class"):
        load_model(model)

"""Labels, probabilities and leaf ids in the shapes, dtypes and ties of the source libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.codegen.card import card_of
from treec.errors import UsageError
from treec.frontends.base import Forest, LabelRule, Outputs, Predicted
from treec.runtime.card import Facts, facts_of, parse_card
from treec.runtime.labels import leaf_ids, needs_raw, predicted, probabilities, shaped


def _facts(stumps_of: Any, outputs: Outputs, n_columns: int = 1, n_trees: int = 6) -> Facts:
    forest: Forest = stumps_of(n_columns=n_columns, n_trees=n_trees, outputs=outputs).forest
    return facts_of(card_of(forest, schedule="", cpu_level="x86-64-v2"), "here")


CLASSES = [
    np.array([3, 7]),
    np.array([-1, 2**62], np.int64),
    np.array([0, 255], np.uint8),
    np.array([False, True]),
    np.array([0.5, np.inf]),
    np.array([0.1, 0.2], np.float32),
    np.array(["nö", "yes"]),
    np.array(["no", "yes"], object),
    np.array([1, "x"], object),
]


@pytest.mark.parametrize("classes", CLASSES, ids=lambda c: str(c.dtype))
def test_labels_come_back_with_their_dtype(stumps_of: Any, classes: NDArray[Any]) -> None:
    outputs = Outputs(
        True, label=LabelRule.LINK_ABOVE_HALF, predicted=Predicted.LABEL, is_classifier=True, classes=(classes,)
    )
    got = predicted(np.array([[0.2], [0.7]], np.float32), _facts(stumps_of, outputs))
    assert got.dtype == classes.dtype
    assert got.tolist() == classes.tolist()
    assert [type(v) for v in got.tolist()] == [type(v) for v in classes.tolist()]


def test_above_half_is_decided_in_the_responses_dtype(stumps_of: Any) -> None:
    outputs = Outputs(True, label=LabelRule.LINK_ABOVE_HALF, predicted=Predicted.LABEL, classes=(np.array([0, 1]),))
    facts = _facts(stumps_of, outputs)
    half = np.float32(0.5)
    table = np.array([[half], [np.nextafter(half, half + 1)], [np.nextafter(half, -half)], [np.nan]], np.float32)
    assert predicted(table, facts).tolist() == [0, 1, 0, 0]
    assert not needs_raw(facts)


@pytest.mark.parametrize(
    ("rule", "expected"), [(LabelRule.RAW_AT_LEAST_ZERO, [0, 1, 1, 1]), (LabelRule.RAW_ABOVE_ZERO, [0, 0, 0, 1])]
)
def test_raw_rules_differ_at_zero(stumps_of: Any, rule: LabelRule, expected: list[int]) -> None:
    facts = _facts(stumps_of, Outputs(True, label=rule, predicted=Predicted.LABEL, classes=(np.array([0, 1]),)))
    assert needs_raw(facts)
    assert predicted(np.array([[-5e-324], [-0.0], [0.0], [5e-324]]), facts).tolist() == expected


def test_a_tie_goes_to_the_first_class(stumps_of: Any) -> None:
    outputs = Outputs(False, label=LabelRule.ARGMAX, predicted=Predicted.LABEL, classes=(np.array(["a", "b", "c"]),))
    table = np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [1, 1, 1]])
    assert predicted(table, _facts(stumps_of, outputs, 3)).tolist() == ["a", "b", "a"]


def test_class_index_is_a_number_of_the_raw_dtype(stumps_of: Any) -> None:
    outputs = Outputs(False, label=LabelRule.ARGMAX, predicted=Predicted.CLASS_INDEX, classes=(np.array([0, 1, 2]),))
    got = predicted(np.array([[0, 1, 2], [5, 1, 2]], np.float32), _facts(stumps_of, outputs, 3))
    assert got.dtype == np.float32
    assert got.tolist() == [2.0, 0.0]


def test_several_outputs(stumps_of: Any) -> None:
    classes = (np.array([0, 1, 2]), np.array([10, 20]))
    outputs = Outputs(
        False,
        label=LabelRule.ARGMAX,
        predicted=Predicted.LABEL,
        is_classifier=True,
        classes=classes,
        groups=(3, 2),
    )
    facts = _facts(stumps_of, outputs, 5, 10)
    table = np.array([[0.1, 0.2, 0.7, 0.5, 0.5], [0.8, 0.1, 0.1, 0.0, 1.0]])
    assert predicted(table, facts).tolist() == [[2, 10], [0, 20]]
    first, second = probabilities(table, facts)
    assert np.array_equal(first, table[:, :3])
    assert np.array_equal(second, table[:, 3:])


def test_binary_probabilities_are_one_minus_p_and_p_in_their_dtype(stumps_of: Any) -> None:
    outputs = Outputs(True, is_classifier=True, binary_proba=True)
    p = np.array([[0.1], [0.7]], np.float32)
    got = probabilities(p, _facts(stumps_of, outputs))
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.float32
    assert np.array_equal(got, np.column_stack([np.float32(1) - p[:, 0], p[:, 0]]))


def test_probabilities_of_a_booster_are_refused(stumps_of: Any) -> None:
    with pytest.raises(UsageError, match="predict_proba"):
        probabilities(np.zeros((1, 1)), _facts(stumps_of, Outputs(True)))


def test_a_vector_is_one_dimensional(stumps_of: Any) -> None:
    table = np.zeros((4, 1))
    assert shaped(table, _facts(stumps_of, Outputs(True))).shape == (4,)
    assert shaped(table, _facts(stumps_of, Outputs(False))).shape == (4, 1)


@pytest.mark.parametrize(
    ("n_trees", "shape", "dtype", "expected"),
    [
        (6, (6,), "<i8", (5, 6)),
        (6, (3, 2), "<f8", (5, 3, 2)),
        (1, (), "<i8", (5,)),
        (1, (1,), "<i4", (5, 1)),
        (6, (), "<i4", (5, 6)),
    ],
)
def test_leaf_ids_have_the_librarys_shape(
    stumps_of: Any, n_trees: int, shape: tuple[int, ...], dtype: str, expected: tuple[int, ...]
) -> None:
    facts = _facts(stumps_of, Outputs(True, apply_dtype=dtype, apply_shape=shape), n_trees=n_trees)
    got = leaf_ids(np.arange(5 * n_trees, dtype=np.int32).reshape(5, n_trees), facts)
    assert got.shape == expected
    assert got.dtype == dtype
    assert got.ravel().tolist() == list(range(5 * n_trees))


def test_a_classifier_end_to_end(make: Any) -> None:
    classes = (np.array(["cat", "dog", "emu"], object),)
    outputs = Outputs(
        False, label=LabelRule.ARGMAX, predicted=Predicted.LABEL, is_classifier=True, classes=classes, apply_shape=(6,)
    )
    model, compiled = make(n_columns=3, outputs=outputs)
    rows = np.random.default_rng(3).normal(0, 0.3, (50, 3)).astype(np.float32)
    raw = model.raw(rows)
    assert np.array_equal(compiled.predict(rows), classes[0][raw.argmax(axis=1)])
    assert len(set(compiled.predict(rows).tolist())) > 1
    assert compiled.predict_proba(rows).shape == (50, 3)
    assert compiled.classes_.tolist() == ["cat", "dog", "emu"]


def test_a_card_that_lacks_something_is_refused(stumps_of: Any) -> None:
    from treec.errors import ArtifactError

    card = card_of(stumps_of().forest, schedule="", cpu_level="x86-64-v2")
    del card["outputs"]["vector"]
    with pytest.raises(ArtifactError, match=r"incomplete: KeyError: 'vector'"):
        facts_of(card, "here")
    card = card_of(stumps_of().forest, schedule="", cpu_level="x86-64-v2")
    for runs in ([[1 << 60, 1]], [[1 << 60, 0], *card["iterations"]], [[-1, -card["n_trees"]]], [[1, card["n_trees"] - 1]]):
        with pytest.raises(ArtifactError, match="incomplete: ValueError: its iterations do not have its"):
            facts_of({**card, "iterations": runs}, "here")
    for text, said in (
        (b"\0", "never filled"),
        (b"{", "can't be read"),
        (b"[]", "not a JSON object"),
        (b"{}", "format None"),
    ):
        with pytest.raises(ArtifactError, match=said):
            parse_card(text, "here")

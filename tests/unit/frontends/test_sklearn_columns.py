"""Thresholds, shared predicates and shared leaf rows of the scikit-learn frontends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.frontends import sklearn_columns
from treec.frontends.base import Missing
from treec.frontends.sklearn_columns import round_down, shared_predicates, shared_rows

EDGES = [0.0, -0.0, 5e-324, -5e-324, 1e-46, -1e-46, 1e-45, 3.4028234663852886e38, 3.5e38, -3.5e38, 1e308, -1e308]


def same_answers(threshold: float) -> None:
    """`x <= t` for every f32 near the threshold, at the ends of the range, and for both infinities."""
    (rounded,) = round_down(np.array([threshold]))
    near = [np.float32(rounded)]
    for step in (np.float32(-np.inf), np.float32(np.inf)):
        x = np.float32(rounded)
        for _ in range(3):
            with np.errstate(over="ignore"):
                x = np.nextafter(x, step)
            near.append(x)
    top = np.finfo(np.float32).max
    rows = np.array([*near, top, -top, 0.0, -0.0, np.inf, -np.inf], np.float32)
    assert rounded.dtype == np.float32
    assert (rows <= rounded).tolist() == (rows.astype(np.float64) <= threshold).tolist()


@given(st.floats(allow_nan=False) | st.sampled_from([*EDGES, float("inf"), float("-inf")]))
def test_rounding_a_threshold_down_changes_no_answer_for_float32_rows(threshold: float) -> None:
    same_answers(threshold)


@given(st.floats(width=32, allow_nan=False), st.sampled_from([-1, 0, 1]))
def test_rounding_is_right_beside_float32_numbers(value: float, side: int) -> None:
    same_answers(float(np.nextafter(value, side * np.inf)) if side else value)


def test_rounding_to_nearest_would_be_wrong() -> None:
    threshold = 0.1  # the nearest f32 is above it
    x = np.float32(0.1)
    assert float(x) > threshold
    assert round_down(np.array([threshold]))[0] < x


def test_predicates_are_shared_by_input_threshold_and_direction_only() -> None:
    inputs = np.array([1, 0, 1, 1, 0, 1], np.int32)
    thresholds = np.array([0.5, -2.0, 0.5, 0.5, 0.0, -0.0], np.float32)
    left = np.array([True, False, True, False, False, False])
    predicates, predicate = shared_predicates(inputs, thresholds, left)
    assert predicate.dtype == np.int32
    assert predicates.input[predicate].tolist() == inputs.tolist()
    assert predicates.threshold[predicate].tobytes() == thresholds.tobytes()
    assert predicates.missing_left[predicate].tolist() == left.tolist()
    assert len(predicates) == 5
    assert predicates.input.tolist() == [0, 0, 1, 1, 1]
    assert np.all(predicates.missing == Missing.NAN)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(allow_nan=False), st.booleans()), max_size=30))
def test_every_node_keeps_its_question(nodes: list[tuple[int, float, bool]]) -> None:
    inputs = np.array([n[0] for n in nodes], np.int32)
    thresholds = np.array([n[1] for n in nodes], np.float64)
    left = np.array([n[2] for n in nodes], bool)
    predicates, predicate = shared_predicates(inputs, thresholds, left)
    assert predicates.input[predicate].tolist() == inputs.tolist()
    assert predicates.threshold[predicate].tobytes() == thresholds.tobytes()
    assert predicates.missing_left[predicate].tolist() == left.tolist()
    assert len({(i, np.float64(t).tobytes(), m) for i, t, m in nodes}) == len(predicates)


def test_leaf_rows_are_shared_by_their_bits() -> None:
    values = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    rows, row = shared_rows(values)
    assert len(rows) == 3
    assert rows[row].tobytes() == values.tobytes()
    rows, row = shared_rows(values[:, :1])
    assert len(rows) == 3
    assert rows[row].tobytes() == np.ascontiguousarray(values[:, :1]).tobytes()


def test_rows_with_the_same_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zeros:
        def integers(self, *_: object) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
            return np.zeros(3, np.uint64)

    def zeros(seed: int) -> Zeros:
        return Zeros()

    values = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [0.0, 2.0, 4.0]])
    # Weights of 1 make permuted rows collide.
    with monkeypatch.context() as context:
        context.setattr(sklearn_columns.np.random, "default_rng", zeros)
        rows, row = shared_rows(values)
    assert len(rows) == 3
    assert rows[row].tobytes() == values.tobytes()

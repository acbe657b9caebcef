"""Sharing keeps one of each, and every bit of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import Shape, build, forests
from treec.frontends.base import F32, F64, Forest, Test
from treec.passes.algo import distinct
from treec.passes.algo.share import ordered_bits, share_leaf_rows, share_predicates, share_sets
from treec.treeir.interp.predicates import goes_left
from treec.verify.compare import same
from treec.verify.rows import SPECIAL


def bits(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values).view(np.uint32 if values.dtype == F32 else np.uint64)


@given(forest=forests(), seed=st.integers(0, 100))
def test_shared_predicates_answer_as_before(forest: Forest, seed: int) -> None:
    old = forest.predicates
    new, new_id = share_predicates(old)
    assert len(new) <= len(old)
    values = np.concatenate([np.array(SPECIAL), old.threshold.astype(np.float64), np.arange(70.0)])
    with np.errstate(over="ignore"):
        values = values.astype(old.threshold.dtype)
    for value in values:
        asked = np.full(len(old), value)
        np.testing.assert_array_equal(goes_left(old, np.arange(len(old)), asked), goes_left(new, new_id, asked))
    np.testing.assert_array_equal(new.input[new_id], old.input)


@given(forest=forests())
def test_shared_predicates_are_distinct_and_sharing_again_changes_nothing(forest: Forest) -> None:
    once, _ = share_predicates(forest.predicates)
    twice, new_id = share_predicates(once)
    np.testing.assert_array_equal(new_id, np.arange(len(once)))
    for name, column in vars(once).items():
        np.testing.assert_array_equal(getattr(twice, name), column)


def test_zeros_of_both_signs_and_directions_stay_apart() -> None:
    p = build(Shape(n_predicates=6, n_inputs=1)).predicates
    same_input = replace(
        p,
        input=np.zeros(6, np.int32),
        test=np.full(6, Test.LESS, np.uint8),
        threshold=np.array([0.0, -0.0, 0.0, -0.0, 0.0, 0.0], np.float32),
        missing_left=np.array([0, 0, 1, 0, 0, 1], bool),
    )
    new, new_id = share_predicates(same_input)
    assert new_id[0] == new_id[4]
    assert new_id[1] == new_id[3]
    assert new_id[2] == new_id[5]
    assert len(new) == 3
    np.testing.assert_array_equal(bits(new.threshold[new_id]), bits(same_input.threshold))


def test_sets_are_equal_without_their_trailing_zeros() -> None:
    words = np.array([5, 0, 5, 7, 0, 0], np.uint32)
    offset, kept, number = share_sets(np.array([0, 2, 3, 4, 4, 6]), words)
    assert number.tolist() == [0, 0, 1, 2, 2]
    assert offset.tolist() == [0, 1, 2, 2]
    assert kept.tolist() == [5, 7]


@given(sets=st.lists(st.lists(st.sampled_from((0, 1, 7)), max_size=3), max_size=12))
def test_sets_are_found_again_in_the_order_of_first_use(sets: list[list[int]]) -> None:
    offset = np.cumsum([0, *map(len, sets)])
    new_offset, kept, number = share_sets(offset, np.array([word for words in sets for word in words], np.uint32))
    found = [tuple(kept[new_offset[i] : new_offset[i + 1]].tolist()) for i in number]
    trimmed = [tuple(words[: max((i + 1 for i, word in enumerate(words) if word), default=0)]) for words in sets]
    assert found == trimmed
    assert len(new_offset) == len(set(trimmed)) + 1
    assert list(dict.fromkeys(number.tolist())) == list(range(len(set(trimmed))))


def test_no_sets_stay_none() -> None:
    offset, words, number = share_sets(np.zeros(1, np.int64), np.zeros(0, np.uint32))
    assert (offset.tolist(), words.tolist(), number.tolist()) == ([0], [], [])


@pytest.mark.parametrize("dtype", [F32, F64])
def test_ordered_bits_order_floats(dtype: np.dtype[Any]) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    values = np.array([-np.inf, np.finfo(dtype).min, -1, -tiny, -0.0, 0.0, tiny, 1, np.finfo(dtype).max, np.inf], dtype)
    assert np.all(np.diff(ordered_bits(values)) > 0)


leaf_bits = st.sampled_from((0, 0x80000000, 0x7FC00000, 0x7FC00001, 0xFFC00000, 0x3F800000, 0x7F800000))


@given(
    rows=st.lists(st.tuples(leaf_bits, leaf_bits), min_size=1, max_size=8),
    width=st.sampled_from((1, 2)),
    data=st.data(),
)
def test_leaves_keep_their_bits(rows: list[tuple[int, int]], width: int, data: st.DataObject) -> None:
    values = np.array(rows, np.uint32)[:, :width].copy().view(np.float32)
    leaf_row = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=12)), np.int32)
    shared, new_row = share_leaf_rows(values, leaf_row)
    np.testing.assert_array_equal(bits(shared[new_row]), bits(values[leaf_row]))
    used = [row.tobytes() for row in values[leaf_row]]
    assert [row.tobytes() for row in shared] == list(dict.fromkeys(used))  # in the order of first use


def test_rows_with_the_same_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def clash(rows: NDArray[Any]) -> NDArray[np.uint64]:
        return np.zeros(len(rows), np.uint64)

    monkeypatch.setattr(distinct, "row_hashes", clash)
    values = np.array([[1, 2], [3, 4], [1, 2], [-0.0, 0.0]], F64)
    shared, new_row = share_leaf_rows(values, np.array([3, 1, 2, 0], np.int32))
    assert same(shared[new_row], values[[3, 1, 2, 0]]).all()
    assert len(shared) == 3

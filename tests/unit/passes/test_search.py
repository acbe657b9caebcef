"""Searches by pivots find the ranks that numpy finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import f32, f64

from tests.property.forests import Shape, build
from treec.passes.algo.search import (
    PIVOTS,
    halving_tables,
    heap_tables,
    reversed_bits,
    search_levels,
    search_tables,
    windows,
)
from treec.passes.loop.rank_search import as_f32, search_type


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(1,), (15, 16), (17, 3), (255, 256), (256,), (257, 300), (4096, 1), (5000,)])
def test_the_parts_found_are_the_number_of_cuts_not_above(
    sizes: tuple[int, ...], dtype: type[np.float32 | np.float64]
) -> None:
    rng = np.random.default_rng(sum(sizes))
    cuts: list[NDArray[Any]] = [np.unique(rng.normal(size=n).astype(dtype)) for n in sizes]
    levels = max(search_levels(len(own)) for own in cuts)
    tables = search_tables(cuts, levels)
    for number, own in enumerate(cuts):
        edges = np.concatenate([own, np.nextafter(own, -np.inf), np.nextafter(own, np.inf)])
        values = np.concatenate([edges, np.array([np.inf, -np.inf, 0.0, -0.0], dtype)])
        found = np.zeros(len(values), int)
        for table in tables:
            pivots = table[number][PIVOTS * found[:, None] + np.arange(PIVOTS)]
            found = PIVOTS * found + (pivots <= values[:, None]).sum(axis=1)
        np.testing.assert_array_equal(found, np.searchsorted(own, values, side="right"))


def test_levels_hold_sixteen_times_more_each() -> None:
    assert [search_levels(n) for n in (0, 1, 16, 17, 256, 257, 4096, 4097)] == [0, 1, 1, 2, 2, 3, 3, 4]


@given(n=st.integers(1, 255), spare=st.integers(0, 1), seed=st.integers(0, 100))
def test_the_answers_of_halves_are_the_number_of_cuts_not_above(n: int, spare: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = np.unique(rng.normal(size=n).astype(np.float32))
    values = np.concatenate([own, np.nextafter(own, -np.inf), np.array([np.inf, -np.inf, 0.0], np.float32)])
    found = np.zeros(len(values), int)
    levels = len(own).bit_length() + spare
    for level, table in enumerate(halving_tables([own[:1], own], levels, 16)):
        assert table.shape[1] >= 16
        found += (table[1][found] <= values).astype(int) << level
    np.testing.assert_array_equal(reversed_bits(found, levels), np.searchsorted(own, values, side="right"))


@given(columns=st.lists(st.integers(0, 60), min_size=1), more=st.integers(0, 40), width=st.sampled_from([1, 8]))
def test_windows_have_every_column_once_and_stay_inside(columns: list[int], more: int, width: int) -> None:
    asked, n_columns = np.sort(columns), max(columns) + 1 + more
    first, begin = windows(asked, n_columns, width)
    assert (begin[0], begin[-1]) == (0, len(asked))
    assert (np.diff(begin) > 0).all()
    inside = asked - np.repeat(first, np.diff(begin))
    assert inside.min() >= 0
    assert inside.max() < width
    assert first.min() >= 0
    assert n_columns < width or first.max() + width <= n_columns


@given(cuts=st.lists(st.floats(allow_nan=False), min_size=1), value=st.floats(width=32, allow_nan=False))
def test_f32_numbers_are_at_least_a_cut_where_they_are_at_least_the_next_f32(cuts: list[float], value: float) -> None:
    wide = np.array([*cuts, value, np.nextafter(value, np.inf), np.nextafter(value, -np.inf)])
    np.testing.assert_array_equal(np.float32(value) >= as_f32(wide), value >= wide)


def test_rows_of_f32_are_compared_as_such_unless_they_can_t_be_missing_then() -> None:
    inputs = build(Shape()).inputs
    wide = replace(inputs, dtype=np.dtype(np.float64))
    assert search_type(inputs, f64) == search_type(wide, f32) == f32
    assert search_type(wide, f64) is None
    assert search_type(replace(wide, missing_value=0.1), f32) is None
    assert search_type(replace(wide, missing_value=-999.0), f32) == f32


def test_a_heap_is_searched_from_place_to_place() -> None:
    """Each value steps down to one of the places behind the heap, whose number is its rank."""
    cuts = [np.arange(n, dtype=np.float32) * 2 for n in (0, 1, 2, 7, 15)]
    heap = heap_tables(cuts, 4)
    assert heap.shape == (5, 16)
    values = np.array([-np.inf, -1, 0, 1, 2, 3, 12, 13, 27.5, 28, 29, np.inf, np.nan], np.float32)
    for row, own in zip(heap, cuts, strict=True):
        place = np.ones(len(values), np.int64)
        for _ in range(4):
            place = 2 * place + (row[place] <= values)
        assert (place - 16).tolist() == [int((own <= value).sum()) for value in values]

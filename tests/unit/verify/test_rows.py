"""Rows to try: what values rows can have, and that encoding takes them back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.forests import Shape, build, forests
from treec.frontends.base import F32, F64, Forest
from treec.treeir.interp.forest import encode_inputs
from treec.verify.rows import Domain, pools, random_rows, set_widths

WIDE = Shape(n_inputs=3, spare_features=2, categorical=2, tables=1, words=2, n_predicates=30, input_dtype=F64, seed=2)


def test_float32_rows_of_a_float64_model_round_outward() -> None:
    domain = Domain(build(WIDE), F32)
    x = np.array([0.1, -0.1, 0.5, 1e300, -1e300, 0.0, 1e-60])
    down, up = domain.down(x), domain.up(x)
    assert ((down <= x) & (x <= up)).all()
    assert np.array_equal(down, down.astype(np.float32))
    assert np.array_equal(up, up.astype(np.float32))
    assert (down == x).tolist() == (up == x).tolist() == [False, False, True, False, False, True, False]
    assert np.nextafter(down[:2].astype(np.float32), np.float32(np.inf)).tolist() == up[:2].tolist()


def test_neighbours_leave_nothing_between() -> None:
    forest = build(WIDE)
    compare = np.array([2])
    native, narrow = Domain(forest, F64), Domain(forest, F32)
    below, at, above = native.neighbours(np.array([0.1]), compare)
    assert (at, below, above) == (0.1, np.nextafter(0.1, -1), np.nextafter(0.1, 1))
    below, at, above = narrow.neighbours(np.array([0.1]), compare)  # float32(0.1) is above 0.1
    assert above[0] == float(np.float32(0.1))
    assert at[0] == float(np.nextafter(np.float32(0.1), np.float32(0)))
    assert below[0] < at[0] <= 0.1 < above[0]
    below, at, above = native.neighbours(np.array([2.5]), np.array([0]))  # positions of a table
    assert (below[0], at[0], above[0]) == (1, 2, 3)


@given(forest=forests(), row_dtype=st.sampled_from((F32, F64)), seed=st.integers(0, 100))
def test_decoding_is_undone_by_encoding(forest: Forest, row_dtype: np.dtype[Any], seed: int) -> None:
    domain, rng = Domain(forest, row_dtype), np.random.default_rng(seed)
    encoded = pools(domain).draw(40, rng)
    encoded[rng.random(encoded.shape) < 0.1] = np.nan
    rows = domain.decode(encoded, rng)
    assert rows.dtype == row_dtype
    assert rows.shape == (40, forest.inputs.n_features)
    again = encode_inputs(forest, rows)
    named = forest.inputs.dtype.type(forest.inputs.missing_value)
    plain = [index for index in range(forest.inputs.n_inputs) if index not in domain.tables]
    for index in plain:
        expected = np.where(encoded[:, index] == named, np.nan, encoded[:, index])
        np.testing.assert_array_equal(again[:, index], expected)
    for index, table in domain.tables.items():
        expected = encoded[:, index].copy()
        known = ~np.isnan(expected)
        expected[known] = np.where(table[expected[known].astype(int)] == named, np.nan, expected[known])
        np.testing.assert_array_equal(again[:, index], expected)


@pytest.mark.parametrize("row_dtype", [F32, F64])
def test_random_rows_depend_on_the_seed_alone(row_dtype: np.dtype[Any]) -> None:
    domain = Domain(build(replace(WIDE, input_dtype=F32)), row_dtype)
    rows = random_rows(domain, 200, 3)
    np.testing.assert_array_equal(rows, random_rows(domain, 200, 3))
    assert not np.array_equal(rows, random_rows(domain, 200, 4), equal_nan=True)
    assert rows.shape == (200, 5)
    assert rows.dtype == row_dtype


def test_random_rows_hold_what_has_rules_of_its_own() -> None:
    forest = build(replace(WIDE, tables=0, categorical=0, tests=(*WIDE.tests,)))
    rows = random_rows(Domain(forest, F64), 1000, 0)
    assert np.isnan(rows).any()
    assert np.isinf(rows).any()
    assert ((rows == 0) & np.signbit(rows)).any()
    assert ((rows != 0) & (np.abs(rows) < 1e-38)).any()
    thresholds = np.unique(forest.predicates.threshold)
    used = rows[:, forest.inputs.column]
    assert np.isin(thresholds, used).mean() > 0.9
    assert np.isfinite(rows[::2]).mean() > 0.9  # half of the rows are ones that libraries accept
    plain = random_rows(Domain(forest, F64), 1000, 0, special=False)
    assert not np.isinf(plain).any()


def test_float64_rows_of_a_float32_model_need_rounding() -> None:
    rows = random_rows(Domain(build(replace(WIDE, input_dtype=F32)), F64), 300, 0)
    finite = rows[np.isfinite(rows)]
    with np.errstate(over="ignore"):
        assert (finite != finite.astype(np.float32)).mean() > 0.1


def test_widths_of_category_sets() -> None:
    forest = build(WIDE)
    widths = set_widths(forest)
    assert widths[2] == -1
    assert set(widths[:2].tolist()) <= {0, 1, 2}

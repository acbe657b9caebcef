"""What the reference interpreter says, on cases worked out by hand from the libraries' rules."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.property.forests import Shape, build
from treec.errors import InputError
from treec.frontends.base import (
    F32,
    F64,
    CategoryCast,
    Final,
    Forest,
    Inputs,
    Leaves,
    LinearLeaves,
    Link,
    Missing,
    ObliviousTrees,
    Outputs,
    Predicates,
    SumRule,
    Test,
    Trees,
)
from treec.treeir.interp.forest import encode_inputs, leaf_ids, leaf_indices, raw, response
from treec.treeir.interp.links import apply_link, c_math
from treec.treeir.interp.predicates import goes_left

NAN, INF = math.nan, math.inf
BOUND = float(np.float32(1e-35))


def predicate(
    test: Test,
    threshold: float = 0.0,
    missing: Missing = Missing.NAN,
    *,
    missing_left: bool = False,
    invalid_left: bool = False,
    codes: tuple[int, ...] = (),
    cast: CategoryCast = CategoryCast.TRUNCATE,
    dtype: np.dtype[Any] = F64,
) -> Predicates:
    """One predicate about input 0."""
    in_set = test is Test.IN_SET
    words = np.zeros(max(codes, default=0) // 32 + 1 if codes else 0, np.uint32)
    for code in codes:
        words[code // 32] |= np.uint32(1 << code % 32)
    return Predicates(
        input=np.zeros(1, np.int32),
        test=np.array([test], np.uint8),
        threshold=np.array([threshold], dtype),
        missing=np.array([missing], np.uint8),
        missing_left=np.array([missing_left]),
        category_set=np.array([0 if in_set else -1], np.int32),
        invalid_left=np.array([invalid_left]),
        set_offset=np.array([0, len(words)]) if in_set else np.zeros(1, np.int64),
        set_words=words,
        category_cast=cast,
    )


def answers(p: Predicates, *values: float) -> list[bool]:
    x = np.array(values, p.threshold.dtype)
    return goes_left(p, np.zeros(len(x), np.int64), x).tolist()


@pytest.mark.parametrize(
    ("test", "expected"),
    [(Test.LESS, [True, False, False]), (Test.LESS_EQUAL, [True, True, False]), (Test.EQUAL, [False, True, False])],
)
@pytest.mark.parametrize("dtype", [F32, F64])
def test_compares_differ_by_one_ulp(test: Test, expected: list[bool], dtype: np.dtype[Any]) -> None:
    t = dtype.type(0.1)
    below, above = (np.nextafter(t, dtype.type(side)) for side in (-INF, INF))
    assert answers(predicate(test, float(t), dtype=dtype), float(below), float(t), float(above)) == expected
    assert answers(predicate(Test.LESS, dtype=dtype), -0.0, 0.0, -5e-324 if dtype == F64 else -1e-45) == [
        False,
        False,
        True,
    ]


def test_nan_counts_as_zero_where_nothing_is_missing() -> None:
    for threshold, left in ((1.0, True), (0.0, False), (-1.0, False)):
        assert answers(predicate(Test.LESS, threshold, Missing.NONE, missing_left=not left), NAN, 0.0) == [left, left]
    assert answers(predicate(Test.IN_SET, missing=Missing.NONE, codes=(0,)), NAN) == [True]
    assert answers(predicate(Test.IN_SET, missing=Missing.NONE, codes=(1,), invalid_left=True), NAN) == [False]


def test_missing_goes_its_own_way_whatever_the_test() -> None:
    for left in (False, True):
        for test in Test:
            assert answers(predicate(test, missing_left=left, invalid_left=not left), NAN) == [left]
    assert answers(predicate(Test.LESS, 1.0, missing_left=False), 0.0) == [True]


@pytest.mark.parametrize("dtype", [F32, F64])
def test_zero_is_missing_up_to_the_float32_constant(dtype: np.dtype[Any]) -> None:
    p = predicate(Test.LESS, -1.0, Missing.ZERO_OR_NAN, missing_left=True, dtype=dtype)
    beyond = float(np.nextafter(dtype.type(BOUND), dtype.type(1)))
    assert answers(p, 0.0, -0.0, BOUND, -BOUND, NAN, beyond, -beyond) == [True] * 5 + [False] * 2
    assert answers(p, 1e-35, 2e-35) == [True, False]


def test_category_casts() -> None:
    codes = (0, 5, 31, 32, 40)
    values = [0.0, -0.0, 0.9, 5.0, 5.99, 31.0, 32.5, 40.0, 1.0, 39.0, 64.0, 1000.0]
    members = [True] * 8 + [False] * 4
    for cast in CategoryCast:
        assert answers(predicate(Test.IN_SET, codes=codes, cast=cast), *values) == members
        assert answers(predicate(Test.IN_SET, codes=codes, cast=cast, invalid_left=True), *values) == members
    for invalid_left in (False, True):
        truncating = predicate(Test.IN_SET, codes=codes, invalid_left=invalid_left)
        strict = predicate(Test.IN_SET, codes=codes, invalid_left=invalid_left, cast=CategoryCast.NON_NEGATIVE)
        assert answers(truncating, -0.5, -0.999, 2.0**24, 2.0**31 - 0.5) == [True, True, False, False]
        assert answers(strict, -0.5, -1e-300, 2.0**24) == [invalid_left] * 3
        assert answers(strict, 2.0**24 - 1) == [False]
        for p in (truncating, strict):
            assert answers(p, -1.0, -INF, INF, 2.0**31, 1e300) == [invalid_left] * 5


def test_a_set_without_words_holds_nothing() -> None:
    assert answers(predicate(Test.IN_SET, invalid_left=True), 0.0, 3.0, -1.0) == [False, False, True]


# ---- inputs ------------------------------------------------------------------------------------------------------------


def single_leaf(inputs: Inputs) -> Forest:
    forest = build(Shape(n_trees=1, leaves=1, n_inputs=inputs.n_inputs, input_dtype=inputs.dtype))
    return replace(forest, inputs=inputs).check()


def test_rows_are_rounded_to_the_compare_dtype_half_to_even() -> None:
    forest = single_leaf(Inputs(1, F32, np.zeros(1, np.int32)))
    ulp = 2.0**-23
    rows = np.array([[1 + ulp / 2], [1 + ulp * 1.5], [1 + ulp * 0.5000001], [1e300], [-1e300], [1e-46], [NAN], [-0.0]])
    encoded = encode_inputs(forest, rows)
    assert encoded.dtype == F32
    np.testing.assert_array_equal(encoded[:7, 0], np.array([1, 1 + 2 * ulp, 1 + ulp, INF, -INF, 0, NAN], np.float32))
    assert np.signbit(encoded[7, 0])


def test_float32_rows_are_widened_exactly() -> None:
    forest = single_leaf(Inputs(1, F64, np.zeros(1, np.int32)))
    assert encode_inputs(forest, np.array([[0.1]], np.float32)).item() == float(np.float32(0.1))


def test_columns_missing_value_and_value_tables() -> None:
    inputs = Inputs(
        n_features=4,
        dtype=F64,
        column=np.array([2, 0], np.int32),
        table_offset=np.array([0, 3, 3]),
        table_value=np.array([-1.5, 0.0, 7.0]),
        missing_value=-1.0,
    )
    forest = single_leaf(inputs)
    table = [[-1.5, 0.0], [-0.0, 1.0], [7.0, 2.0], [8.0, -1.0], [3.0, 0.0], [NAN, NAN], [-INF, 1.0], [-1.0, -1.5]]
    rows = np.array([[other, 9.0, value, 9.0] for value, other in table])
    encoded = encode_inputs(forest, rows)
    np.testing.assert_array_equal(encoded[:, 0], [0, 1, 2, NAN, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(encoded[:, 1], [0, 1, 2, NAN, 0, NAN, 1, -1.5])


def test_a_missing_value_is_one_of_the_compare_dtype() -> None:
    forest = single_leaf(Inputs(1, F32, np.zeros(1, np.int32), missing_value=0.1))
    encoded = encode_inputs(forest, np.array([[0.1], [float(np.float32(0.1))], [0.2]]))
    assert np.isnan(encoded[:, 0]).tolist() == [True, True, False]


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 1)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="the model takes"):
        leaf_indices(single_leaf(Inputs(2, F32, np.arange(2, dtype=np.int32))), np.zeros(shape, np.float32))


def test_every_layout_gives_the_same_and_nothing_is_changed() -> None:
    forest = build(Shape(n_trees=6, leaves=20, n_inputs=5, seed=3))
    rows = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    rows.flags.writeable = False
    expected = raw(forest, rows)
    for variant in (np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2], rows.astype(np.float64), rows[::-1][::-1]):
        np.testing.assert_array_equal(raw(forest, variant), expected)
    assert raw(forest, rows[:0]).shape == (0, 1)
    assert leaf_indices(forest, rows[:0]).shape == (0, 6)


# ---- sums --------------------------------------------------------------------------------------------------------------


def leaves_only(
    values: NDArray[Any], rule: SumRule, *, weight: NDArray[Any] | None = None, column: tuple[int, ...] | None = None
) -> Forest:
    """A Forest of one-leaf trees, each with its row of values."""
    n = len(values)
    forest = build(Shape(n_trees=n, leaves=1))
    assert isinstance(forest.trees, Trees)
    first = np.zeros(n, np.int32) if column is None else np.array(column, np.int32)
    trees = replace(forest.trees, leaf_row=np.arange(n, dtype=np.int32), column=first, weight=weight)
    out = Outputs(vector=len(rule.base) == 1)
    return replace(forest, trees=trees, leaves=Leaves(values), sum=rule, outputs=out).check()


def total(forest: Forest, begin: int = 0, end: int | None = None) -> list[float]:
    return raw(forest, np.zeros((1, forest.inputs.n_features), np.float32), begin, end)[0].tolist()


def test_the_base_comes_first_or_last() -> None:
    big = np.array([1e8], np.float32)
    values = np.array([[3.0], [3.0]], np.float32)
    assert total(leaves_only(values, SumRule(F32, big))) == [1e8]  # each 3 is lost in 1e8
    assert total(leaves_only(values, SumRule(F32, big, base_first=False))) == [100000008.0]


def test_trees_are_added_in_order_in_the_sums_dtype() -> None:
    values = np.array([[1e8], [1.0], [-1e8], [1.0]], np.float32)
    assert total(leaves_only(values, SumRule(F32, np.zeros(1, np.float32)))) == [1.0]
    assert total(leaves_only(values, SumRule(F64, np.zeros(1)))) == [2.0]
    assert total(leaves_only(values[[0, 2, 1, 3]], SumRule(F32, np.zeros(1, np.float32)))) == [2.0]


def test_leaves_are_rounded_to_the_sums_dtype_before_they_are_added() -> None:
    values = np.array([[0.1], [0.2]])
    expected = np.float32(0.1) + np.float32(0.2)
    assert total(leaves_only(values, SumRule(F32, np.zeros(1, np.float32)))) == [float(expected)]


def test_a_tree_range_has_the_base_and_the_final_operation_too() -> None:
    values = np.array([[1.0], [2.0], [4.0]])
    rule = SumRule(F64, np.array([16.0]), final=Final.DIVIDE, operand=2.0)
    forest = leaves_only(values, rule)
    assert [total(forest), total(forest, 1), total(forest, 0, 2), total(forest, 1, 1)] == [[11.5], [11.0], [9.5], [8.0]]


def test_final_operations_round_each_step() -> None:
    values = np.array([[1.0]])
    third = leaves_only(values, SumRule(F64, np.zeros(1), final=Final.DIVIDE, operand=3.0))
    assert total(third) == [1.0 / 3.0]
    scaled = leaves_only(values * 0.1, SumRule(F64, np.zeros(1), final=Final.SCALE_BIAS, operand=3.0, bias=-0.3))
    assert total(scaled) == [0.1 * 3.0 - 0.3]  # a fused multiply-add gives 2.8e-17 here
    assert total(scaled) != [0.0]


@pytest.mark.parametrize(("dtype", "product"), [(F32, float(np.float32(0.1) * np.float32(0.3))), (F64, 0.1 * 0.3)])
def test_a_weight_multiplies_in_its_own_dtype(dtype: np.dtype[Any], product: float) -> None:
    forest = leaves_only(np.array([[0.1]]), SumRule(F64, np.zeros(1)), weight=np.array([0.3], dtype))
    assert total(forest) == [product]


def test_leaf_vectors_fill_a_range_of_columns() -> None:
    values = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]], np.float32)
    forest = leaves_only(values, SumRule(F32, np.array([0.5, 0, 0], np.float32)), column=(0, 1, 1))
    assert total(forest) == [1.5, 112.0, 220.0]


def test_linear_leaves_add_term_by_term_and_fall_back_on_nan() -> None:
    forest = build(Shape(n_trees=1, leaves=1, n_inputs=2, input_dtype=F64, sum_dtype=F64))
    linear = LinearLeaves(np.array([0, 2]), np.array([1, 0], np.int32), np.array([0.1, 3.0]), np.array([0.7]))
    rule = SumRule(F64, np.zeros(1))
    forest = replace(forest, leaves=Leaves(np.array([[42.0]]), linear), sum=rule).check()
    first, second = (int(np.flatnonzero(forest.inputs.column == column)[0]) for column in (0, 1))
    x = np.array([[0.3, 0.2], [NAN, 0.2], [0.3, NAN], [INF, 0.0]])
    expected = [(0.7 + row[forest.inputs.column[1]] * 0.1) + row[forest.inputs.column[0]] * 3.0 for row in x]
    assert {first, second} == {0, 1}
    np.testing.assert_array_equal(raw(forest, x)[:, 0], [expected[0], 42.0, 42.0, INF])


def test_a_linear_leaf_without_terms_is_its_constant() -> None:
    forest = build(Shape(n_trees=1, leaves=1, n_inputs=1, input_dtype=F64, sum_dtype=F64))
    linear = LinearLeaves(np.array([0, 0]), np.zeros(0, np.int32), np.zeros(0), np.array([0.25]))
    forest = replace(forest, leaves=Leaves(np.array([[42.0]]), linear), sum=SumRule(F64, np.zeros(1))).check()
    assert raw(forest, np.array([[NAN]])).item() == 0.25


def test_oblivious_trees_take_one_bit_per_level() -> None:
    forest = build(Shape(n_trees=3, leaves=1, n_inputs=2, sum_dtype=F64))
    p = predicate(Test.LESS, 0.5, dtype=F32)
    p = replace(
        p,
        **{name: np.repeat(getattr(p, name), 2) for name in ("test", "threshold", "missing", "missing_left")},
        input=np.array([0, 1], np.int32),
        category_set=np.array([-1, -1], np.int32),
        invalid_left=np.zeros(2, bool),
    )
    trees = ObliviousTrees(
        level_offset=np.array([0, 2, 2, 3]),
        leaf_offset=np.array([0, 4, 5, 7]),
        predicate=np.array([0, 1, 1], np.int32),
        leaf_row=np.arange(7, dtype=np.int32),
        leaf_id=np.arange(10, 17, dtype=np.int32),
        column=np.zeros(3, np.int32),
        iteration_offset=np.arange(4, dtype=np.int32),
    )
    inputs = Inputs(2, F32, np.arange(2, dtype=np.int32))
    leaves = Leaves(10.0 ** np.arange(7)[:, None])
    forest = replace(forest, inputs=inputs, predicates=p, trees=trees, leaves=leaves, sum=SumRule(F64, np.zeros(1))).check()
    rows = np.array([[1, 1], [0, 1], [1, 0], [0, 0]], np.float32)
    assert leaf_indices(forest, rows).tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 1], [3, 0, 1]]
    assert leaf_ids(forest, rows, 1).tolist() == [[14, 15], [14, 15], [14, 16], [14, 16]]
    assert raw(forest, rows)[:, 0].tolist() == [110001.0, 110010.0, 1010100.0, 1011000.0]


def test_odd_numbers_raise_no_warning() -> None:
    forest = build(
        Shape(n_trees=4, leaves=9, n_inputs=2, categorical=1, tests=tuple(Test)[:3], missing=tuple(Missing), seed=1)
    )
    values = np.where(forest.leaves.values > 0, np.inf, -np.inf).astype(np.float32)
    forest = replace(forest, leaves=Leaves(values), outputs=Outputs(vector=True, link=Link.XGB_SOFTMAX)).check()
    odd = np.array([NAN, INF, -INF, 1e300, -1e300, 1e-310, -0.0, 2.0**40])
    rows = np.stack(np.meshgrid(odd, odd), axis=-1).reshape(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert response(forest, raw(forest, rows)).shape == (64, 1)


# ---- links -------------------------------------------------------------------------------------------------------------


def test_c_functions_are_those_of_the_c_library() -> None:
    x = np.random.default_rng(0).standard_normal(1000) * 20
    assert c_math("exp", x).tolist() == [math.exp(value) for value in x.tolist()]  # CPython calls the C library
    assert c_math("log1p", np.abs(x)).tolist() == [math.log1p(value) for value in np.abs(x).tolist()]
    single = c_math("exp", x.astype(np.float32))
    assert single.dtype == F32
    exact = np.exp(x.astype(np.float32).astype(np.float64))
    assert (np.abs(single - exact) <= np.spacing(exact.astype(np.float32))).all()
    assert c_math("exp", np.zeros((0, 3))).shape == (0, 3)


def test_xgboost_sigmoid_clips_and_stays_in_float32() -> None:
    x = np.array([[0.0], [-100.0], [-88.7], [100.0], [NAN], [5e-8]], np.float32)
    y = apply_link(Link.XGB_SIGMOID, x)
    assert y.dtype == F32
    limit = 1 / (c_math("exp", np.array([88.7], np.float32)) + np.float32(1) + np.float32(1e-16))
    np.testing.assert_array_equal(y[:, 0], [0.5, limit[0], limit[0], 1.0, NAN, 0.5])


def test_xgboost_softmax_sums_in_float64_and_divides_in_float32() -> None:
    x = np.random.default_rng(1).standard_normal((50, 9)).astype(np.float32)
    y = apply_link(Link.XGB_SOFTMAX, x)
    for row, found in zip(x, y, strict=True):
        powers = c_math("exp", row - row.max())
        wide = 0.0
        for power in powers.tolist():
            wide += power
        assert found.tolist() == (powers / np.float32(wide)).tolist()


def test_float64_links() -> None:
    x = np.array([[-2.0, 0.5, 0.0], [700.0, -700.0, 1e-3]])
    exp = [[math.exp(v) for v in row] for row in x.tolist()]
    assert apply_link(Link.LGB_EXP, x).tolist() == exp == apply_link(Link.SKL_EXP, x).tolist()
    assert apply_link(Link.LGB_LOG1P_EXP, x).tolist() == [[math.log1p(v) for v in row] for row in exp]
    assert apply_link(Link.LGB_SIGNED_SQUARE, x).tolist() == [[-4.0, 0.25, 0.0], [490000.0, -490000.0, 1e-3 * 1e-3]]
    sigmoid = [[1 / (1 + math.exp(-0.7 * v)) for v in row] for row in x.tolist()]
    assert apply_link(Link.LGB_SIGMOID, x, 0.7).tolist() == sigmoid == apply_link(Link.SKL_EXPIT, x, 0.7).tolist()
    for link in (Link.LGB_SOFTMAX, Link.SKL_SOFTMAX):
        for row, found in zip(x.tolist(), apply_link(link, x).tolist(), strict=True):
            powers = [math.exp(v - max(row)) for v in row]
            assert found == [power / ((powers[0] + powers[1]) + powers[2]) for power in powers]


def test_hinge_and_identity() -> None:
    x = np.array([[0.0], [-0.0], [1e-45], [-1.0], [NAN]], np.float32)
    assert apply_link(Link.XGB_HINGE, x)[:, 0].tolist() == [0, 0, 1, 0, 0]
    same = apply_link(Link.IDENTITY, x)
    assert same is not x
    np.testing.assert_array_equal(same, x)


def test_the_response_averages_before_the_link() -> None:
    forest = leaves_only(np.array([[1.0], [0.5]]), SumRule(F64, np.zeros(1)))
    forest = replace(forest, outputs=Outputs(vector=True, link=Link.LGB_SIGMOID, average=3.0)).check()
    found = response(forest, raw(forest, np.zeros((1, forest.inputs.n_features))))
    assert found.item() == 1 / (1 + math.exp(-(1.5 / 3.0)))

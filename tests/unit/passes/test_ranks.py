"""Ranks decide as values do: at, just below and just above every threshold, and for all that is no plain number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.context import Context

from tests.property.forests import forests
from treec.errors import ScheduleError
from treec.frontends.base import F32, F64, CategoryCast, Forest, Missing, Predicates, Test
from treec.passes.algo.ranks import rank_tables
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.passes.plan.plan_kernels import PlanKernelsPass
from treec.passes.plan.rank_features import RankFeaturesPass
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp.predicates import goes_left
from treec.treeir.interp.ranks import rank_rows, ranked_goes_left
from treec.treeir.ranks import RanksOp

THRESHOLDS = (-np.inf, -3.4e38, -2.0, -1e-35, -5e-324, -0.0, 0.0, 1e-45, 1e-35, 0.1, 1.0, 3.4028234663852886e38, np.inf)


def predicates_of(test: NDArray[Any], threshold: NDArray[Any], missing: NDArray[Any], left: NDArray[Any]) -> Predicates:
    n = len(threshold)
    return Predicates(
        np.zeros(n, np.int32),
        test.astype(np.uint8),
        threshold,
        missing.astype(np.uint8),
        left.astype(bool),
        np.full(n, -1, np.int32),
        np.zeros(n, bool),
        np.zeros(1, np.int64),
        np.zeros(0, np.uint32),
    )


def ranks_op(predicates: Predicates) -> RanksOp:
    """The op without a forest around it, verified."""
    from treec.passes.plan.rank_features import _ranks_op  # pyright: ignore[reportPrivateUsage]

    op = _ranks_op("ranks", rank_tables(predicates), "u32")
    op.verify()
    return op


def assert_ranks_decide(predicates: Predicates, values: NDArray[Any]) -> None:
    """Every predicate about every row of ``values`` [n, n_inputs]."""
    op = ranks_op(predicates)
    ranked = rank_rows(op, values, predicates.category_cast)
    tables = rank_tables(predicates)
    for number in range(len(predicates)):
        ids = np.full(len(values), number)
        wanted = goes_left(predicates, ids, values[:, predicates.input[number]])
        test, operand = int(tables.test[number]), int(tables.operand[number])
        ranks = ranked[:, tables.view[number]]
        found = [ranked_goes_left(test, int(rank), operand, tables.set_offset, tables.set_words) for rank in ranks]
        np.testing.assert_array_equal(found, wanted, err_msg=f"predicate {number}")


def around(thresholds: NDArray[Any]) -> NDArray[Any]:
    """Values at and next to the thresholds, and special ones, of one dtype."""
    kind = thresholds.dtype.type
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-40, 1e-35, -1e-35, 2.0**24, -0.5, 1e30])
    with np.errstate(all="ignore"):
        beside = [np.nextafter(thresholds, kind(np.inf)), np.nextafter(thresholds, kind(-np.inf))]
        return np.concatenate([thresholds, *beside, special.astype(kind)])


@given(
    test=st.lists(st.sampled_from((Test.LESS, Test.LESS_EQUAL, Test.EQUAL)), min_size=1, max_size=12),
    dtype=st.sampled_from((F32, F64)),
    seed=st.integers(0, 10**6),
)
def test_compares_of_ranks_decide_as_compares_of_values(test: list[Test], dtype: np.dtype[Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(test)
    with np.errstate(all="ignore"):
        threshold = np.where(rng.random(n) < 0.7, rng.choice(np.array(THRESHOLDS), n), rng.standard_normal(n)).astype(dtype)
    predicates = predicates_of(np.array(test), threshold, rng.integers(0, 3, n), rng.random(n) < 0.5)
    assert_ranks_decide(predicates, around(threshold)[:, None])


@given(forest=forests(), seed=st.integers(0, 1000))
def test_ranks_decide_for_categories_and_several_inputs(forest: Forest, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.array(
        [-1.0, -0.5, 0.0, 0.5, 1.0, 30.0, 31.0, 32.0, 63.0, 64.0, 95.0, 96.0, 97.0, 1e9, 2.0**24, 2.0**31, 1e38]
    )
    pool = np.concatenate([around(forest.predicates.threshold), codes.astype(forest.inputs.dtype)])
    assert_ranks_decide(forest.predicates, rng.choice(pool, (60, max(1, forest.inputs.n_inputs))))


def test_255_thresholds_and_missing_values_of_both_ways_fit_u8() -> None:
    threshold = np.arange(255).astype(np.float32)
    left = np.arange(255) % 2 == 0
    tables = rank_tables(predicates_of(np.zeros(255), threshold, np.full(255, Missing.NAN), left))
    assert tables.highest().tolist() == [255]
    assert sorted(tables.view_rank.tolist()) == [0, 255]


def test_thresholds_that_are_not_fit_are_refused_with_the_feature_and_the_type(small_forest: Forest) -> None:
    module = forest_module(small_forest)
    PlanKernelsPass().apply(Context(), module)
    with pytest.raises(ScheduleError, match="the thresholds of feature 1 need 301 ranks, u8 has 256") as error:
        RankFeaturesPass("row", "u8").apply(Context(), module)
    assert error.value.fix == "use to=u16"


@pytest.fixture
def small_forest() -> Forest:
    """One tree on feature 1 with 300 distinct thresholds."""
    from tests.property.forests import Shape, build

    forest = build(Shape(n_trees=2, n_inputs=1, spare_features=1, n_predicates=300, seed=3))
    inputs = replace(forest.inputs, column=np.array([1], np.int32))
    predicates = replace(forest.predicates, threshold=np.arange(300).astype(np.float32))
    return replace(forest, inputs=inputs, predicates=predicates).check()


def test_a_block_is_ranked_once_and_nodes_are_4_bytes(small_forest: Forest) -> None:
    lines = ("split row into=(block, row) by=8", "rank features at=block to=u16", "layout packed", "order block, tree, row")
    text = "\n".join([*lines, "walk with=scalar"])
    module = forest_module(small_forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(text))[:-1])
    (nodes,) = [op for op in module.ops if op.name == "plan.packed_trees"]
    assert nodes.properties["nodes"].array.dtype.itemsize == 4  # pyright: ignore


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        (("layout packed", "rank features at=row to=u8"), "before there are ranks", "move `rank features` above"),
        (("rank features at=tree to=u8", "layout packed"), "runs over trees, and rows are ranked", "row"),
        (("rank features at=blok to=u8", "layout packed"), "there is no loop `blok`", "row, tree"),
        (("rank features at=row to=u64", "layout packed"), "must be one of u8, u16, u32", "u16"),
        (("rank features at=row to=u8", "layout packed", "order tree, row"), "inside of `tree`", "put `row` before"),
        (
            ("rank features at=row to=u8", "split row into=(a, row) by=8", "layout packed"),
            "rows are ranked in each step of loop `row`",
            "split it first",
        ),
    ],
)
def test_a_misplaced_directive_is_an_error_with_a_fix(lines: tuple[str, ...], message: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=message) as error:
        Schedule.from_text("\n".join([*lines, "walk with=scalar"])).check()
    assert fix in str(error.value.fix)
    assert error.value.place is not None


def test_the_way_of_equal_and_missing_left_is_a_view_of_its_own() -> None:
    predicates = predicates_of(
        np.full(2, Test.EQUAL), np.array([1.0, 2.0]), np.full(2, Missing.NAN), np.array([True, True])
    )
    tables = rank_tables(replace(predicates, category_cast=CategoryCast.TRUNCATE))
    assert len(tables.view_rank) == 2

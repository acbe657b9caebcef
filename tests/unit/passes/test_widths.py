"""Widths of fields and thresholds: what is asked for is what lies there, answers stay, and what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import F32, F64, CategoryCast, Forest, Missing, Predicates, Test, Trees
from treec.passes.algo.bit_fields import Widths, place_fields, words_of
from treec.passes.algo.packed import pack_trees, walk_columns
from treec.passes.algo.thresholds import with_thresholds
from treec.passes.algo.tile import uniform_tiles
from treec.passes.algo.tiled import lay_tiles
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp.predicates import goes_left


def compares(threshold: NDArray[Any], test: Test) -> Predicates:
    """One predicate per threshold, about input 0."""
    n = len(threshold)
    return Predicates(
        input=np.zeros(n, np.int32),
        test=np.full(n, test, np.uint8),
        threshold=threshold,
        missing=np.full(n, Missing.NAN, np.uint8),
        missing_left=np.zeros(n, bool),
        category_set=np.full(n, -1, np.int32),
        invalid_left=np.zeros(n, bool),
        set_offset=np.zeros(1, np.int64),
        set_words=np.zeros(0, np.uint32),
        category_cast=CategoryCast.TRUNCATE,
    )


EDGES = np.array(
    [
        0.0,
        -0.0,
        1e300,
        -1e300,
        np.inf,
        -np.inf,
        5e-324,
        -5e-324,
        1e-46,
        -1e-46,
        1e-45,
        3.4028235e38,
        3.4028236e38,
        0.1,
        1e-35,
    ]
)


def near(threshold: NDArray[Any]) -> NDArray[np.float32]:
    """f32 values at, below and above each threshold, and the ends of the line."""
    with np.errstate(all="ignore"):
        at = threshold.astype(F32)
        steps = [at, np.nextafter(at, F32.type(-np.inf)), np.nextafter(at, F32.type(np.inf))]
    ends = [np.full(len(at), end, F32) for end in (-np.inf, np.inf, 0.0, -0.0, np.finfo(F32).max, np.nan)]
    return np.stack([*steps, *ends])


@pytest.mark.parametrize("test", [Test.LESS, Test.LESS_EQUAL])
def test_rounded_thresholds_decide_alike_for_every_f32(test: Test) -> None:
    rng = np.random.default_rng(7)
    bits = rng.integers(0, 1 << 64, 200_000, dtype=np.uint64).view(np.float64)
    small = rng.standard_normal(200_000) * 10.0 ** rng.integers(-46, 40, 200_000)
    with np.errstate(over="ignore"):
        threshold = np.concatenate([EDGES, bits[~np.isnan(bits)], small, small.astype(F32).astype(F64)])
    wide = compares(threshold, test)
    narrow = with_thresholds(wide, "f32")
    assert narrow.threshold.dtype == F32
    ids = np.arange(len(threshold))
    for values in near(threshold):
        np.testing.assert_array_equal(goes_left(narrow, ids, values), goes_left(wide, ids, values.astype(F64)))


@given(forest=forests(max_leaves=8), seed=st.integers(0, 99))
def test_predicates_of_every_kind_answer_alike(forest: Forest, seed: int) -> None:
    p = forest.predicates
    if p.threshold.dtype != F64 or (p.test == Test.EQUAL).any():
        return
    narrow = with_thresholds(p, "f32")
    rng = np.random.default_rng(seed)
    for values in (*near(p.threshold), rng.integers(-2, 70, len(p)).astype(F32), np.full(len(p), np.float32(1e-35))):
        ids = np.arange(len(p))
        np.testing.assert_array_equal(goes_left(narrow, ids, values), goes_left(p, ids, values.astype(F64)))


def test_wider_thresholds_are_the_same_numbers() -> None:
    p = compares(np.array([0.1, -0.0, np.inf], F32), Test.LESS)
    wide = with_thresholds(p, "f64")
    assert wide.threshold.dtype == F64
    np.testing.assert_array_equal(wide.threshold, p.threshold.astype(F64))
    assert with_thresholds(p, "f32") is p
    assert with_thresholds(p, "auto") is p


def test_equality_with_no_f32_is_refused() -> None:
    assert with_thresholds(compares(np.array([0.5, -0.0]), Test.EQUAL), "f32").threshold.tolist() == [0.5, -0.0]
    with pytest.raises(ScheduleError, match=r"predicate 1 asks input 0 for == 0\.1, which is no f32"):
        with_thresholds(compares(np.array([0.5, 0.1]), Test.EQUAL), "f32")


@pytest.mark.parametrize(("bits", "most"), [(8, 255), (16, 65535), (32, (1 << 32) - 1)])
def test_a_given_width_starts_at_a_byte_and_holds_as_much_as_it_can(bits: int, most: int) -> None:
    columns = {"kind": np.array([0, 1]), "feature": np.array([3, most]), "step": np.array([1, 2])}
    fields, used = place_fields(columns, Widths(feature=bits))
    assert (fields["feature"].shift, fields["feature"].width, fields["feature"].base) == (8, bits, 0)
    assert (fields["step"].shift, fields["step"].width) == (8 + bits, 1)
    assert used == 9 + bits
    word = words_of(columns, fields, 2)
    np.testing.assert_array_equal(word >> np.uint64(8) & np.uint64(most), columns["feature"])
    columns["feature"][1] = most + 1
    with pytest.raises(ScheduleError, match=f"`feature=u{bits}` holds numbers up to {most:,}, .* 1 too many") as caught:
        place_fields(columns, Widths(feature=bits))
    wider = {8: "write feature=u16, or feature=auto", 16: "write feature=u32, or feature=auto", 32: "write feature=auto"}
    assert str(caught.value.fix) == wider[bits]


@pytest.mark.parametrize("field", ["step", "delta", "child"])
def test_the_distance_to_a_child_has_one_argument_by_all_its_names(field: str) -> None:
    with pytest.raises(ScheduleError, match=r"`child=u8` holds numbers up to 255, and the model needs 300: 45 too many"):
        place_fields({field: np.array([1, 300])}, Widths(child=8))


def test_packed_nodes_have_the_widths_asked_for() -> None:
    forest = build(Shape(n_trees=4, leaves=20, n_inputs=5, seed=1))
    assert isinstance(forest.trees, Trees)
    columns = walk_columns(forest.inputs)
    for with_table in (False, True):
        packed = pack_trees(
            forest.predicates, forest.trees, columns, with_table=with_table, align=1, widths=Widths(feature=16, child=8)
        )
        asked = packed.nodes if packed.predicates is None else packed.predicates
        assert (packed.nodes.fields["step"].width, asked.fields["feature"].width) == (8, 16)


def test_a_lane_of_a_tile_has_32_bits() -> None:
    forest = build(Shape(n_trees=4, leaves=20, n_inputs=5, seed=1, missing=(Missing.NAN, Missing.NONE)))
    assert isinstance(forest.trees, Trees)
    trees = replace(forest.trees, tile=uniform_tiles(forest.trees, 4))
    asked = forest.predicates, walk_columns(forest.inputs)
    tiles = lay_tiles(asked, trees, "sparse", align=4, widths=Widths(feature=16, child=16))
    assert (tiles.lane_fields["feature"].width, tiles.fields["child"].width) == (16, 16)
    with pytest.raises(UnsupportedModelError, match="a tile needs 40 bits for missing_left, kind, feature, and has 32"):
        lay_tiles(asked, trees, "sparse", align=4, widths=Widths(feature=32))


@pytest.mark.parametrize(
    ("lines", "dtype", "message", "fix"),
    [
        (["target cpu", "layout packed threshold=f32"], F64, "rows may be f64", "write `target cpu input=f32`"),
        (["layout packed threshold=f32"], F64, "rows may be f64", "write `target cpu input=f32`"),
        (
            ["rank features at=row to=u8", "layout packed threshold=f32"],
            F32,
            "thresholds are ranks",
            "leave `threshold` out",
        ),
        (["layout reorg child=u8"], F32, "computes where children are", "leave `child` out"),
        (["layout array child=u8"], F32, "computes where children are", "leave `child` out"),
    ],
)
def test_widths_that_make_no_sense_are_refused(lines: list[str], dtype: np.dtype[Any], message: str, fix: str) -> None:
    forest = build(Shape(input_dtype=dtype))
    with pytest.raises(ScheduleError, match=message) as caught:
        run_pipeline(forest_module(forest), pipeline_of(Schedule.from_text("\n".join([*lines, "walk with=scalar"]))))
    assert fix in str(caught.value.fix)
    assert caught.value.place is not None


def test_any_rows_do_where_the_model_compares_f32() -> None:
    module = forest_module(build(Shape(input_dtype=F32)))
    run_pipeline(module, pipeline_of(Schedule.from_text("layout packed threshold=f32\nwalk with=scalar")))

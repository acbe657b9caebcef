"""Which levels the default schedule slices before walks: those of deep trees, as many as pay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.property.forests import Shape, build
from treec.default.machine import Machine
from treec.default.schedule import default_schedule
from treec.default.slice import LEAST_GAIN, slice_pays
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.treeir.forest_convert import forest_module

DEEP = Shape(n_trees=24, leaves=5000, n_inputs=8, n_predicates=1500)


def test_deep_trees_that_share_predicates_are_sliced_above_walks() -> None:
    forest = build(DEEP)
    choice = default_schedule(forest, Machine())
    lines = choice.schedule.to_text().splitlines()
    assert lines[-2].startswith("walk with=bitslice interleave=row:10")
    assert " slice=8" in lines[-2]
    assert any(line.startswith("layout pairs") for line in lines)
    walked = max(int(line.split()[-2]) for line in lines if line.startswith("kernel when"))
    assert any(
        reason.startswith(f"calls of more than {walked} rows: bits of the first 8 levels") for reason in choice.reasons
    )
    run_pipeline(forest_module(forest), pipeline_of(choice.schedule))


def test_columns_that_are_copied_make_a_slice_pay_less() -> None:
    few, many = (slice_pays(build(replace(DEEP, n_trees=60, n_inputs=n)), Machine(), "u8", 2048) for n in (40, 200))
    assert few is not None
    assert many is not None
    assert many.gain < few.gain
    assert many.walked > few.walked


def test_predicates_that_cost_more_make_it_pay_less() -> None:
    forest = build(DEEP)
    cheap, dear = (slice_pays(forest, Machine(), to, 2048) for to in ("u8", "u16"))
    assert cheap is not None
    assert dear is not None
    assert dear.gain < cheap.gain


def test_trees_that_are_not_deep_are_walked_from_the_root() -> None:
    assert slice_pays(build(replace(DEEP, leaves=20)), Machine(), "u8", 2048) is None


def test_one_tree_is_walked_where_its_predicates_cost_more_than_the_steps() -> None:
    one = build(replace(DEEP, n_trees=1, n_inputs=300, n_predicates=20_000))
    assert slice_pays(one, Machine(), "u16", 2048) is None
    assert "slice" not in default_schedule(one, Machine()).schedule.to_text()


@pytest.mark.parametrize("n_trees", [10, 50])
def test_what_is_taken_pays_by_the_estimate(n_trees: int) -> None:
    found = slice_pays(build(replace(DEEP, n_trees=n_trees)), Machine(), "u8", 2048)
    assert found is not None
    assert found.gain >= LEAST_GAIN
    assert f"slice={found.levels} " in "\n".join(found.plan("u8"))

"""The schedule that is picked when none is given: it applies to every model, and keeps its budget where it can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.property.forests import Shape, build, forests
from treec.default.bitslice import Sliced, bitslice_pays
from treec.default.machine import Machine, machine_of
from treec.default.schedule import BYTES_PER_NODE, FEW_ROWS, default_schedule
from treec.default.small import SMALL_BLOCK, SmallCalls, small_calls
from treec.errors import UnsupportedModelError
from treec.frontends.base import F64, Forest, LinearLeaves, ObliviousTrees
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir import loop
from treec.treeir.forest_convert import forest_module

LARGE = Shape(n_trees=40, leaves=200, n_inputs=8, n_predicates=50)
NAMES = ("nodes", "predicates", "node_base", "leaf_row", "leaf_id", "tree_column", "leaf_values", "set_words")
PAIR_NAMES = ("pairs", "pair_base", "pair_leaf_row", "pair_leaf_id", "pair_column", "pair_set_words")


def table_bytes(forest: Forest, schedule: Schedule) -> int:
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(schedule))
    tables = [op for op in module.ops if isinstance(op, loop.TableOp) and op.sym_name.data in NAMES + PAIR_NAMES]
    return sum(op.data.array.nbytes for op in tables)


@settings(max_examples=max(1, settings().max_examples // 3))  # interleaved walks make some ten thousand ops each
@given(forest=forests())
def test_it_applies_to_every_forest(forest: Forest) -> None:
    choice = default_schedule(forest)
    assert Schedule.from_text(choice.schedule.to_text()) == choice.schedule
    assert choice.reasons
    run_pipeline(forest_module(forest), pipeline_of(choice.schedule))


def test_the_data_of_a_plain_model_takes_at_most_16_bytes_a_node() -> None:
    forest = build(LARGE)
    assert table_bytes(forest, default_schedule(forest).schedule) <= BYTES_PER_NODE * forest.trees.n_nodes  # pyright: ignore


def test_the_reasons_say_the_bytes_that_the_tables_have() -> None:
    forest = build(LARGE)
    schedule, reasons = default_schedule(forest).schedule, default_schedule(forest).reasons
    size = table_bytes(forest, schedule) / forest.trees.n_nodes  # pyright: ignore
    assert any(f"{size:.1f} bytes per inner node" in reason for reason in reasons), (size, reasons)


def test_batches_of_a_model_with_few_predicates_are_bitsliced_and_few_rows_walked() -> None:
    choice = default_schedule(build(replace(LARGE, n_trees=100)))
    text = choice.schedule.to_text()
    assert "kernel when rows <= " in text
    assert text.index("walk with=scalar") < text.index("walk with=bitslice")
    assert any("are bitsliced" in reason for reason in choice.reasons)


def test_trees_of_more_leaves_than_a_byte_numbers_are_walked() -> None:
    text = default_schedule(build(replace(LARGE, n_trees=1, leaves=257, n_predicates=500))).schedule.to_text()
    assert "bitslice" not in text
    assert "walk with=scalar" in text


def test_a_tree_that_a_walk_finds_sooner_than_its_predicates_are_answered_is_walked() -> None:
    text = default_schedule(build(replace(LARGE, n_trees=1, leaves=20, n_predicates=2000))).schedule.to_text()
    assert "bitslice" not in text


def test_wide_thresholds_get_a_table_of_predicates() -> None:
    wide = replace(LARGE, input_dtype=F64, leaf_dtype=F64, sum_dtype=F64)
    forest = build(replace(wide, n_trees=2, n_inputs=200, n_predicates=150))  # a search for ranks would not pay
    schedule = default_schedule(forest).schedule.to_text()
    assert "share predicates" in schedule
    assert "predicates=table" in schedule


def test_leaves_that_repeat_are_shared() -> None:
    forest = build(LARGE)
    few = replace(forest, leaves=replace(forest.leaves, values=np.round(forest.leaves.values))).check()
    choice = default_schedule(few)
    assert "share leaves" in choice.schedule.to_text()
    assert any("leaves shared" in reason for reason in choice.reasons)


def test_what_is_not_compiled_yet_is_named_when_the_schedule_runs() -> None:
    forest = build(Shape(leaf_dtype=F64, sum_dtype=F64, input_dtype=F64))
    n = len(forest.leaves.values)
    linear = LinearLeaves(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(n))
    odd = replace(forest, leaves=replace(forest.leaves, linear=linear)).check()
    with pytest.raises(UnsupportedModelError, match="linear leaves are not compiled yet"):
        run_pipeline(forest_module(odd), pipeline_of(default_schedule(odd).schedule))


def test_oblivious_trees_are_refused_by_name() -> None:
    forest = build(Shape(n_trees=1))
    trees = ObliviousTrees(
        np.array([0, 1]),
        np.array([0, 2]),
        np.zeros(1, np.int32),
        np.zeros(2, np.int32),
        np.arange(2, dtype=np.int32),
        np.zeros(1, np.int32),
        np.array([0, 1], np.int32),
    )
    odd = replace(forest, trees=trees).check()
    with pytest.raises(UnsupportedModelError, match="oblivious trees are not compiled yet"):
        run_pipeline(forest_module(odd), pipeline_of(default_schedule(odd).schedule))


WIDE = replace(LARGE, n_trees=60, leaves=400, n_predicates=500)


def test_wide_trees_are_bitsliced_where_they_share_predicates() -> None:
    choice = default_schedule(build(WIDE))
    text = choice.schedule.to_text()
    assert "walk with=bitslice" in text
    assert any("are bitsliced" in reason for reason in choice.reasons)


def test_small_calls_of_wide_trees_are_walked_in_blocks_of_their_own_size() -> None:
    lines = default_schedule(build(WIDE)).schedule.to_text().splitlines()
    rows = next(int(line.split()[-2]) for line in lines if line.startswith("kernel when rows <= "))
    block = next(int(line.rpartition("=")[2]) for line in lines if "split row" in line)
    assert rows <= FEW_ROWS or block <= 2 * rows


def test_wide_trees_that_a_walk_finds_sooner_than_a_row_is_ranked_are_walked() -> None:
    text = default_schedule(build(replace(WIDE, n_trees=1, n_inputs=300, n_predicates=5000))).schedule.to_text()
    assert "bitslice" not in text


def test_trees_of_many_leaves_are_walked_even_where_they_share_predicates() -> None:
    text = default_schedule(build(replace(WIDE, n_trees=2, leaves=5000))).schedule.to_text()
    assert "bitslice" not in text


def kernels_of(forest: Forest) -> list[tuple[int, str]]:
    """Rows up to which each small kernel serves calls, and its walk."""
    lines = [line.strip() for line in default_schedule(forest).schedule.to_text().splitlines()]
    starts = [at for at, line in enumerate(lines) if line.startswith("kernel when rows <= ")]
    return [(int(lines[at].split()[-2]), next(x for x in lines[at:] if x.startswith("walk "))) for at in starts]


def test_calls_of_some_rows_get_walks_of_trees_together_and_a_small_block() -> None:
    forest = build(replace(LARGE, n_trees=100))
    (walked, walk), (block, sliced) = kernels_of(forest)
    assert 1 <= walked < block == SMALL_BLOCK
    assert "interleave=tree:8" in walk
    assert "with=bitslice" in sliced
    text, reasons = default_schedule(forest).schedule.to_text(), default_schedule(forest).reasons
    assert text.count(f"by={SMALL_BLOCK}") == 1
    assert f"calls of fewer than {walked + 1} rows: 8 trees are walked together" in reasons
    assert any(f"calls of up to {SMALL_BLOCK} rows are one block" in reason for reason in reasons)


def test_fewer_calls_are_walked_where_walks_look_up_sets() -> None:
    numbers = replace(LARGE, n_trees=100)
    walked = [kernels_of(build(shape))[0][0] for shape in (numbers, replace(numbers, categorical=1))]
    assert walked[1] < walked[0]


def test_too_few_trees_to_walk_together_are_walked_by_rows() -> None:
    kernels = kernels_of(build(replace(LARGE, n_trees=8, n_predicates=20)))
    assert "interleave=row:" in kernels[0][1]


def test_calls_of_many_rows_are_walked_by_rows_and_those_of_few_by_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    forest = build(WIDE)
    sliced = bitslice_pays(forest, machine_of("native"))
    assert sliced is not None
    other = replace(sliced, small=SmallCalls(FEW_ROWS + 1, False))

    def pays(_: Forest, machine: Machine) -> Sliced:
        return other

    monkeypatch.setattr("treec.default.schedule.bitslice_pays", pays)
    (few, by_trees), (walked, by_rows) = kernels_of(forest)
    assert (few, walked) == (7, FEW_ROWS + 1)
    assert "interleave=tree:8" in by_trees
    assert "interleave=row:8" in by_rows
    run_pipeline(forest_module(forest), pipeline_of(default_schedule(forest).schedule))


@pytest.mark.parametrize(
    ("block", "walk", "expected"),
    [
        (50_000, 2_000, SmallCalls(17, True)),
        (500, 2_000, SmallCalls(0, True)),  # not even one row is walked
        (600_000, 2_000, SmallCalls(300, False)),  # walks are as fast as a small block that is full
    ],
)
def test_rows_up_to_which_calls_are_walked(block: float, walk: float, expected: SmallCalls) -> None:
    assert small_calls(block, walk, 512) == expected
    assert small_calls(block, walk, SMALL_BLOCK) == SmallCalls(int(block / walk), False)

"""What stages have in common: routines whose names tell everything that their code depends on."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import f32, i64
from xdsl.ir import Block

from tests.property.forests import Shape, build
from treec.errors import CodegenError, ScheduleError
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.routines import Routines
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.loop import CallOp, FuncOp, RoutineOp

BITSLICE = """
split row into=(block, row) by=128
rank features at=block to=u8
predicates at=block
order block, tree, row
walk with=bitslice
"""
RANKED = """
split row into=(block, row) by=16
rank features at=block to=u16
layout packed
order block, row, tree
walk with=scalar
"""
CACHED = """
layout packed
split row into=(block, row) by=16
order block, tree, row
cache rows at=block
walk with=scalar
"""
REORDERED = "reorder trees by=size\n" + BITSLICE
VALUES = "layout packed\nwalk with=scalar"


def lowered(text: str, rows: str, shape: Shape | None = None) -> list[object]:
    module = forest_module(build(shape or Shape(n_trees=5, leaves=9, seed=3)))
    run_pipeline(module, pipeline_of(Schedule.from_text(f"target cpu input={rows}\n{text}")))
    return list(module.ops)


def routines(ops: list[object]) -> dict[str, str]:
    return {op.sym_name.data: str(op) for op in ops if isinstance(op, RoutineOp)}


def calls(ops: list[object]) -> dict[str, list[str]]:
    funcs = [op for op in ops if isinstance(op, FuncOp)]
    return {f.sym_name.data: [op.routine.string_value() for op in f.walk() if isinstance(op, CallOp)] for f in funcs}


@pytest.mark.parametrize("text", [BITSLICE, RANKED, CACHED])
def test_routines_after_the_rows_do_not_depend_on_their_dtype(text: str) -> None:
    made = {rows: routines(lowered(text, rows)) for rows in ("f32", "f64", "any")}
    both = made["f32"].keys() & made["f64"].keys()
    assert {"main_raw", "main_leaf"} <= both
    assert both | {name for name in made["any"] if "_of_f" in name} == made["any"].keys()
    for name in both:
        assert made["f32"][name] == made["f64"][name] == made["any"][name]


def test_stages_of_both_dtypes_call_the_same() -> None:
    found = calls(lowered(BITSLICE, "any"))
    assert found["main_raw_f64"][1] == found["main_raw_f32"][1] == "main_raw"
    assert found["main_leaf_f32"][0] == found["main_raw_f32"][0] != found["main_raw_f64"][0]


@pytest.mark.parametrize("text", [VALUES, REORDERED])
def test_what_reads_the_callers_rows_or_lists_trees_first_stays_in_the_stage(text: str) -> None:
    names = routines(lowered(text, "any")).keys()
    assert not {"main_raw", "main_leaf"} & names


def test_a_name_stands_for_one_list_of_types() -> None:
    caller = Block(arg_types=[i64, f32])
    made, b = Routines(Block()), LoopBuilder(caller)
    whole, real = caller.args
    made.call(b, "same", {"number": whole}, lambda t, inner: None)
    made.call(b, "same", {"number": whole}, lambda t, inner: pytest.fail("written twice"))
    with pytest.raises(CodegenError, match="the routine same is asked for with other arguments"):
        made.call(b, "same", {"number": real}, lambda t, inner: None)


def test_workspace_of_routines_counts_against_the_limit() -> None:
    text = BITSLICE.replace("by=128", "by=8388608")
    with pytest.raises(ScheduleError, match=r"a block of rows takes [\d,]+ MiB of memory"):
        lowered(text, "f32")


def test_rows_that_are_asked_for_ahead_keep_the_walks_in_their_stage() -> None:
    """A routine has no rows of the call; the loop that asks for some must not be in one."""
    inside = RANKED.replace("walk", "prefetch rows at=row ahead=2\nwalk")
    outside = RANKED.replace("walk", "prefetch rows at=block ahead=2\nwalk")
    assert "main_raw" not in routines(lowered(inside, "any"))
    assert "main_raw" in routines(lowered(outside, "any"))
